//! Reads a configuration again while its engine runs: all of it, or nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::catalogue::{Difference, Names};
use crate::clock::Civil;
use crate::config::{self, Config};
use crate::engine::{Renewal, Running};
use crate::http::{Tls, TlsError};
use crate::identity::Issued;
use crate::ledger::{self, Refused};

/// Of a difference, so many lines are logged; `check --against` tells it whole.
const LINES_MAX: usize = 200;

/// What an engine runs by.
pub(crate) struct InForce {
    pub(super) config: Config,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) civil: Civil,
}

/// Why another configuration is not taken.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error("[tls]: {0}")]
    Tls(#[from] TlsError),
    #[error("the change of catalogue is not recorded: {0}")]
    NotRecorded(#[from] Refused),
}

impl InForce {
    /// Reads the configuration and all that it names, puts it in force and says what
    /// differs; or says everything that is wrong, and leaves all as it is.
    pub(crate) async fn read_again(&mut self, running: &Running, file: &Path) {
        match self.renew(running, file).await {
            Ok(lines) => {
                tell(&lines);
                let catalogue = ledger::hex(self.config.catalogue.digest());
                tracing::info!(%catalogue, differences = lines.len(), "a configuration is in force");
                running.metrics().reloads.count();
            }
            Err(Unfit::Config(config::Error::Mistakes(mistakes))) => {
                for mistake in &mistakes {
                    tracing::error!(%mistake, "the configuration is not taken");
                }
                let mistakes = mistakes.len();
                tracing::error!(mistakes, "the configuration is not taken: all is as before");
                running.metrics().reloads_refused.count();
            }
            Err(error) => {
                tracing::error!(%error, "the configuration is not taken: all is as before");
                running.metrics().reloads_refused.count();
            }
        }
    }

    async fn renew(&mut self, running: &Running, file: &Path) -> Result<Vec<String>, Unfit> {
        let mut new = config::load(file)?;
        let lines = differences(&self.config, &new);
        // What can fail comes before what changes anything.
        let certificate = match (&self.tls, &new.tls) {
            (Some(tls), Some(pem)) if self.config.tls != new.tls => {
                Some((tls, Tls::from_pem(&pem.certificates, &pem.key)?))
            }
            _ => None,
        };
        let renewal = Renewal {
            catalogue: new.catalogue.clone(),
            directory: Arc::new(Issued::new(new.trusted.clone(), self.civil.clone())),
            endpoints: new.endpoints.clone(),
            limits: new.limits,
            disk_floor: new.disk_floor,
        };
        running.renew(renewal).await?;
        if let Some((tls, other)) = certificate {
            tls.follow(&other);
        }
        self.keep_for_a_restart(&mut new);
        self.config = new;
        Ok(lines)
    }

    /// What stays as it was is compared with again the next time.
    fn keep_for_a_restart(&self, new: &mut Config) {
        let old = &self.config;
        (new.listen, new.admin, new.cache_bytes) = (old.listen, old.admin, old.cache_bytes);
        new.retention = old.retention;
        new.data.clone_from(&old.data);
        new.spans.clone_from(&old.spans);
        new.master_key = old.master_key.clone();
        if new.tls.is_some() != old.tls.is_some() {
            new.tls.clone_from(&old.tls);
        }
    }
}

fn tell(lines: &[String]) {
    for line in lines.iter().take(LINES_MAX) {
        tracing::info!("{line}");
    }
    let more = lines.len().saturating_sub(LINES_MAX);
    if more > 0 {
        tracing::info!(more, "`check --against` tells the other differences");
    }
}

/// What differs, a line each. Nothing secret is in them.
fn differences(old: &Config, new: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    for name in for_a_restart(old, new) {
        lines.push(format!("! {name} differs and stays as it is until a restart"));
    }
    let places = |config: &Config| -> BTreeMap<_, _> {
        let places = config.endpoints.iter();
        places.map(|(name, it)| (format!("register.{name}"), it.clone())).collect()
    };
    lines.extend(told(&Names::between(&places(old), &places(new))));
    lines.extend(told(&Names::between(&old.trusted.named(), &new.trusted.named())));
    let settings = [
        ("limits", old.limits != new.limits),
        ("disk-floor-mib", old.disk_floor != new.disk_floor),
        ("tls", old.tls.is_some() && new.tls.is_some() && old.tls != new.tls),
    ];
    lines.extend(settings.iter().filter(|it| it.1).map(|(name, _)| format!("~ {name}")));
    if old.catalogue.digest() != new.catalogue.digest() {
        let difference = Difference::between(&old.catalogue, &new.catalogue);
        lines.push(format!("~ catalogue {}", ledger::hex(new.catalogue.digest())));
        lines.extend(difference.to_string().lines().map(ToOwned::to_owned));
    }
    lines
}

/// What cannot be exchanged under way.
fn for_a_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    // Whoever adds to a configuration decides here whether it can be.
    let Config {
        listen,
        admin,
        data,
        cache_bytes,
        master_key,
        tls,
        spans,
        retention,
        catalogue: _,
        trusted: _,
        endpoints: _,
        limits: _,
        disk_floor: _,
    } = new;
    let differs = [
        ("listen", old.listen != *listen),
        ("admin", old.admin != *admin),
        ("spans", old.spans != *spans),
        ("data", old.data != *data),
        ("[ledger] retention", old.retention != *retention),
        ("cache-mib", old.cache_bytes != *cache_bytes),
        ("master-key", old.master_key != *master_key),
        ("whether there is a [tls]", old.tls.is_some() != tls.is_some()),
    ];
    differs.into_iter().filter(|it| it.1).map(|(name, _)| name).collect()
}

fn told(names: &Names) -> impl Iterator<Item = String> {
    let marked = [("+", &names.came), ("-", &names.went), ("~", &names.changed)];
    marked.into_iter().flat_map(|(mark, names)| names.iter().map(move |it| format!("{mark} {it}")))
}
