//! An engine under the demonstration's catalogue with lines changed, or with
//! registers of a test's own.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use engine::catalogue::{Catalogue, Source};
use engine::clock::Civil;
use engine::engine::{Parts, Running, start};
use engine::entropy::Entropy;
use engine::identity::{Demo as Tokens, Directory};
use engine::net::Tcp;
use engine::space::MasterKey;
use engine::trace::Spans;
use engine::{cache, http};
use fixtures::{Country, Fleet, Profile};
use tempfile::TempDir;

use super::{Api, POPULATION};

/// One change of one file: its path, a text in it, and what stands there instead.
pub(crate) type Edit<'a> = (&'a str, &'a str, &'a str);

/// A running engine, its people and its registers.
pub(crate) struct Custom {
    pub(crate) engine: Running,
    pub(crate) fleet: Fleet,
    pub(crate) country: Country,
    /// Goes with it, unless the data was named.
    _data: Option<TempDir>,
}

impl Custom {
    /// Starts with the catalogue changed, and with registers that are elsewhere.
    pub(crate) fn start(edits: &[Edit<'_>], elsewhere: &[(&str, SocketAddr)]) -> Self {
        Self::start_on(Civil::system(), edits, elsewhere)
    }

    /// Starts with another way to listen.
    pub(crate) fn listening(edit: impl FnOnce(&mut http::Listen)) -> Self {
        let mut listen = anywhere();
        edit(&mut listen);
        Self::start_at(listen, tokens(), Civil::system(), &[], &[])
    }

    /// Starts with other tokens than the demonstration's.
    pub(crate) fn start_known_by(directory: Arc<dyn Directory>) -> Self {
        Self::start_at(anywhere(), directory, Civil::system(), &[], &[])
    }

    /// Starts where somebody collects spans.
    pub(crate) fn collected_by(spans: Arc<dyn Spans>) -> Self {
        let listen = anywhere();
        Self::start_with(None, listen, tokens(), Civil::system(), &[], &[], Some(spans))
    }

    /// The same on a day of the test's own.
    pub(crate) fn start_on(
        civil: Civil,
        edits: &[Edit<'_>],
        elsewhere: &[(&str, SocketAddr)],
    ) -> Self {
        Self::start_at(anywhere(), tokens(), civil, edits, elsewhere)
    }

    /// On a day of the test's own, in a directory that stays.
    pub(crate) fn start_in(data: &Path, civil: Civil) -> Self {
        Self::start_with(Some(data), anywhere(), tokens(), civil, &[], &[], None)
    }

    fn start_at(
        listen: http::Listen,
        directory: Arc<dyn Directory>,
        civil: Civil,
        edits: &[Edit<'_>],
        elsewhere: &[(&str, SocketAddr)],
    ) -> Self {
        Self::start_with(None, listen, directory, civil, edits, elsewhere, None)
    }

    fn start_with(
        data: Option<&Path>,
        listen: http::Listen,
        directory: Arc<dyn Directory>,
        civil: Civil,
        edits: &[Edit<'_>],
        elsewhere: &[(&str, SocketAddr)],
        spans: Option<Arc<dyn Spans>>,
    ) -> Self {
        let country = Country::new(1, POPULATION).expect("a population within bounds");
        let fleet = Fleet::start(country, Profile::Instant, None).expect("registers start");
        let catalogue = Arc::new(edited(edits));
        let address = |name: &str| {
            let moved = elsewhere.iter().find(|(known, _)| *known == name);
            moved.map_or_else(|| fleet.address(name), |(_, address)| *address)
        };
        let known = catalogue.registers().iter();
        let parts = Parts {
            endpoints: known.map(|it| (it.name.clone(), address(&it.name).into())).collect(),
            catalogue,
            directory,
            connect: Arc::new(Tcp),
            room: Arc::new(engine::store::Room::endless()),
            retention: engine::ledger::RETENTION_DEFAULT,
            civil,
            cache: cache::Config::default(),
            master_key: MasterKey::new([7; 32]),
            spans,
            tells_how: false,
            entropy: Box::new(Entropy::system),
        };
        let fresh = || tempfile::tempdir().expect("a temporary directory");
        let temporary = data.is_none().then(fresh);
        let data = data.or(temporary.as_ref().map(TempDir::path)).expect("one of the two");
        let engine = start(parts, data, listen);
        Self { engine: engine.expect("an engine starts"), fleet, country, _data: temporary }
    }

    /// Its API.
    pub(crate) fn api(&self) -> Api {
        Api(self.engine.address())
    }
}

fn tokens() -> Arc<dyn Directory> {
    Arc::new(Tokens::new([7; 16]))
}

fn anywhere() -> http::Listen {
    http::Listen::on("127.0.0.1:0".parse().expect("it is well-formed"))
}

fn edited(edits: &[Edit<'_>]) -> Catalogue {
    let source = |(path, text): &(&str, &str)| {
        let mut text = (*text).to_owned();
        for (_, from, to) in edits.iter().filter(|(edited, ..)| edited == path) {
            assert!(text.contains(from), "{path} has no {from}");
            text = text.replacen(from, to, 1);
        }
        Source { path: (*path).into(), text }
    };
    let sources = fixtures::catalogue::files().iter().map(source);
    // As a text that was in force: a test may take away what a review demands.
    let heading = |file: Source| format!("#:: {}\n{}\n", file.path, file.text);
    Catalogue::from_text(&sources.map(heading).collect::<String>()).unwrap_or_else(|mistakes| {
        let mistakes: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        panic!("{}", mistakes.join("\n"))
    })
}
