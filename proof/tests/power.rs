//! The power goes at every sync of a busy engine that cuts what is beyond retention, and
//! from which people are erased.

use engine::planted::{Fault, plant};
use proof::check::{Broken, Promise};
use proof::power::{Storm, survive};

const STORM: Storm = Storm { seed: 1, operations: 250, lives: 3, every: 1, retention: true };
/// Enough of a log to be copied beside the writer.
const LONG: Storm = Storm { seed: 2, operations: 800, lives: 1, every: 2, retention: false };

/// All in one test: a fault stands for the whole process.
#[test]
fn a_power_loss_at_any_sync_loses_nothing_that_was_told() {
    let survived = survive(&STORM).unwrap_or_else(|error| panic!("{error:#}"));
    println!("{survived:?}");
    assert!(survived.cuts > 100 && survived.told > 300, "{survived:?}");
    assert!(survived.in_checkpoints >= 4, "{survived:?}");
    assert!(survived.in_retention > 50 && survived.cut > 300, "{survived:?}");
    assert!(survived.searched > 3, "{survived:?}");

    let survived = survive(&LONG).unwrap_or_else(|error| panic!("{error:#}"));
    println!("{survived:?}");
    assert!(survived.in_copies >= 2, "{survived:?}");

    plant(Some(Fault::RespondBeforeCommit));
    let error = survive(&STORM).expect_err("what was told too early is lost");
    plant(None);
    let broken = error.downcast_ref::<Broken>().unwrap_or_else(|| panic!("{error:#}"));
    assert_eq!(broken.promise, Promise::EveryResponseHasItsEntry, "{error:#}");
}
