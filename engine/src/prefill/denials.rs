//! Denials go into the ledger, but nobody can fill the disk with them.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;

use super::Core;
use crate::clock::{self, Instant};
use crate::ledger::{About, Denied};
use crate::model::{OrganisationId, Subject};

/// Entries for one operator within one window; further denials are counted
/// into one.
const ENTRIES_MAX: u32 = 10;
const WINDOW: Duration = Duration::from_secs(1);

/// Counts each operator's denials. Bounded by the catalogue's organisations.
#[derive(Default)]
pub(super) struct Denials(DashMap<OrganisationId, Window>);

struct Window {
    ends: Instant,
    count: u32,
    /// What the last denial beyond the limit was about, until it is written.
    beyond: Option<(About, &'static str)>,
}

impl Window {
    fn from(now: Instant) -> Self {
        Self { ends: now + WINDOW, count: 0, beyond: None }
    }

    /// The one entry for all denials beyond the limit; once for each window.
    fn take_beyond(&mut self) -> Option<Denied> {
        let (about, reason) = self.beyond.take()?;
        Some(Denied { about, subjects: Vec::new(), reason, count: self.count - ENTRIES_MAX })
    }
}

impl Denials {
    /// Whether an operator may have one more entry that discloses nothing, which
    /// counts as a denial does.
    pub(super) fn admits(&self, operator: OrganisationId) -> bool {
        let now = clock::monotonic();
        let mut window = self.0.entry(operator).or_insert_with(|| Window::from(now));
        if now >= window.ends && window.beyond.is_none() {
            *window = Window::from(now);
        }
        let admitted = window.count < ENTRIES_MAX;
        window.count += u32::from(admitted);
        admitted
    }

    /// Records a denial: in an entry of its own, or beyond the limit in one for
    /// all, when their window ends.
    pub(super) fn record(
        &self,
        core: &Arc<Core>,
        about: &About,
        subjects: Vec<Subject>,
        reason: &'static str,
    ) {
        let now = clock::monotonic();
        let mut window = self.0.entry(about.operator).or_insert_with(|| Window::from(now));
        if now >= window.ends {
            if let Some(beyond) = window.take_beyond() {
                core.port.deny(beyond);
            }
            *window = Window::from(now);
        }
        window.count += 1;
        if window.count <= ENTRIES_MAX {
            core.port.deny(Denied { about: about.clone(), subjects, reason, count: 1 });
            return;
        }
        let (first, ends) = (window.beyond.replace((about.clone(), reason)).is_none(), window.ends);
        // A core that stops drops at once what is spawned, which looks at the window then.
        drop(window);
        if first {
            let open = Open { core: core.clone(), operator: about.operator, ends };
            tokio::spawn(async move {
                tokio::time::sleep_until(open.ends).await;
                drop(open);
            });
        }
    }

    /// Writes what came beyond the limit, unless a later denial has done so.
    fn close(&self, core: &Core, operator: OrganisationId, ends: Instant) {
        let Some(mut window) = self.0.get_mut(&operator) else { return };
        if window.ends == ends
            && let Some(beyond) = window.take_beyond()
        {
            core.port.deny(beyond);
            // Its count is written; who comes now belongs to the next window.
            window.ends = clock::monotonic();
        }
    }
}

/// A window with denials beyond the limit, which are written when it is dropped: at its
/// end, or before it where the core stops. It holds the core, and so the ledger open.
struct Open {
    core: Arc<Core>,
    operator: OrganisationId,
    ends: Instant,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.core.terms.denials.close(&self.core, self.operator, self.ends);
    }
}
