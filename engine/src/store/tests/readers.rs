//! The pool of readers: its bound, and that no outcome of a read costs it a reader.

use super::fixture::{STREAM, subjects_of};
use crate::store::{Error, Memory, Read, Readers, Storage, WAITING_MAX};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

fn reader() -> Box<dyn Read> {
    Memory::new(STREAM, subjects_of).reader().unwrap()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// Holds a reader until the sender is used or dropped.
fn hold(readers: &Readers) -> (SyncSender<()>, tokio::task::JoinHandle<Result<(), Error>>) {
    let (release, held) = sync_channel(1);
    let readers = readers.clone();
    let held = move |_: &mut dyn Read| {
        let _ = held.recv();
        Ok(())
    };
    (release, tokio::spawn(async move { readers.run(held).await }))
}

async fn sequence(readers: &Readers) -> Result<u64, Error> {
    readers.run(|reader| Ok(reader.head()?.sequence)).await
}

#[test]
fn a_read_runs_off_the_callers_thread() {
    runtime().block_on(async {
        let readers = Readers::blocking(vec![reader()]);
        let there = readers.run(|_| Ok(thread::current().id())).await.unwrap();
        assert_ne!(there, thread::current().id());
    });
}

#[test]
fn an_inline_read_runs_at_once_on_the_callers_thread() {
    runtime().block_on(async {
        let readers = Readers::inline(reader());
        let there = readers.run(|_| Ok(thread::current().id())).await.unwrap();
        assert_eq!(there, thread::current().id());
        assert_eq!(sequence(&readers.clone()).await.unwrap(), 0);
    });
}

#[test]
fn callers_beyond_the_waiting_limit_are_refused_at_once() {
    runtime().block_on(async {
        let readers = Readers::blocking(vec![reader(), reader()]);
        let (first, second) = (hold(&readers), hold(&readers));
        let waiting: Vec<_> = (0..WAITING_MAX)
            .map(|_| {
                let readers = readers.clone();
                tokio::spawn(async move { sequence(&readers).await })
            })
            .collect();
        // Tokio polls this task again before it has polled all of those.
        for _ in 0..WAITING_MAX {
            yield_now().await;
        }
        assert!(matches!(sequence(&readers).await, Err(Error::Busy)));
        drop((first.0, second.0));
        for waiter in waiting {
            assert_eq!(waiter.await.unwrap().unwrap(), 0);
        }
        assert_eq!(sequence(&readers).await.unwrap(), 0);
    });
}

#[test]
fn a_reader_returns_after_a_failed_read() {
    runtime().block_on(async {
        let readers = Readers::blocking(vec![reader()]);
        for _ in 0..WAITING_MAX + 2 {
            let failure = readers.run(|_| Err::<(), _>(Error::Damaged("on purpose"))).await;
            assert!(matches!(failure, Err(Error::Damaged(_))));
        }
        assert_eq!(sequence(&readers).await.unwrap(), 0);
    });
}

#[test]
fn a_reader_returns_after_a_panic_which_is_passed_on() {
    for readers in [Readers::blocking(vec![reader()]), Readers::inline(reader())] {
        let panic = catch_unwind(AssertUnwindSafe(|| {
            runtime().block_on(readers.run(|_| -> Result<(), Error> { panic!("on purpose") }))
        }));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"on purpose"));
        assert_eq!(runtime().block_on(sequence(&readers)).unwrap(), 0);
    }
}

#[test]
fn a_reader_returns_when_its_caller_goes_away() {
    runtime().block_on(async {
        let readers = Readers::blocking(vec![reader()]);
        let (release, caller) = hold(&readers);
        yield_now().await;
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        drop(release);
        assert_eq!(sequence(&readers).await.unwrap(), 0);
    });
}
