//! Denials go into the ledger, but nobody can fill the disk with them.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;

use super::Core;
use crate::clock::{self, Instant};
use crate::ledger::{About, Denied};
use crate::model::OrganisationId;

/// Entries for one organisation within one window; further denials are counted
/// into one.
const ENTRIES_MAX: u32 = 10;
const WINDOW: Duration = Duration::from_secs(1);

/// Counts each organisation's denials. Bounded by the catalogue's organisations.
#[derive(Default)]
pub struct Denials(DashMap<OrganisationId, Window>);

struct Window {
    ends: Instant,
    count: u32,
}

impl Denials {
    /// Records a denial; at the window's end those beyond the limit, in one.
    pub(super) fn record(&self, core: &Arc<Core>, about: &About, reason: &'static str) {
        let now = clock::monotonic();
        let (count, ends) = {
            let fresh = || Window { ends: now + WINDOW, count: 0 };
            let mut window = self.0.entry(about.operator).or_insert_with(fresh);
            if now >= window.ends {
                *window = fresh();
            }
            window.count += 1;
            (window.count, window.ends)
        };
        if count <= ENTRIES_MAX {
            core.port.deny(Denied { about: about.clone(), reason, count: 1 });
        } else if count == ENTRIES_MAX + 1 {
            let (core, about) = (core.clone(), about.clone());
            tokio::spawn(async move {
                tokio::time::sleep_until(ends).await;
                let count = core.shared.denials.beyond(about.operator, ends);
                core.port.deny(Denied { about, reason, count });
            });
        }
    }

    /// How many came beyond the limit in the window that ended then.
    fn beyond(&self, operator: OrganisationId, ends: Instant) -> u32 {
        let mut window = self.0.entry(operator).or_insert(Window { ends, count: 0 });
        let beyond = if window.ends == ends { window.count.saturating_sub(ENTRIES_MAX) } else { 1 };
        // The window is over; who comes now must not add to what was recorded.
        if window.ends == ends {
            window.count = 0;
            window.ends = clock::monotonic() + WINDOW;
        }
        beyond
    }
}
