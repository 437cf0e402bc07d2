//! Brings answers back to the cores: one wake-up per batch and core.

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, oneshot};

use super::Refused;

/// The answers for one core's waiters.
#[derive(Default)]
pub(super) struct Mailbox {
    letters: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
    bell: Notify,
}

impl Mailbox {
    /// Hands answers to their waiters, on the core that runs this.
    pub(super) async fn deliver(&self) {
        loop {
            self.bell.notified().await;
            let letters = std::mem::take(&mut *self.letters.lock().expect("no panic under it"));
            letters.into_iter().for_each(|open| open());
        }
    }
}

/// Where the answer to one submission goes.
pub(super) struct Reply<T> {
    sender: oneshot::Sender<Result<T, Refused>>,
    mailbox: Arc<Mailbox>,
}

impl<T: Send + 'static> Reply<T> {
    pub(super) fn new(sender: oneshot::Sender<Result<T, Refused>>, mailbox: Arc<Mailbox>) -> Self {
        Self { sender, mailbox }
    }

    /// Puts the answer into `post`, which sends it later.
    pub(super) fn answer(self, result: Result<T, Refused>, post: &mut Post) {
        // Whoever hung up needs no answer.
        let letter = Box::new(move || drop(self.sender.send(result)));
        let known = post.0.iter_mut().find(|(mailbox, _)| Arc::ptr_eq(mailbox, &self.mailbox));
        match known {
            Some((_, letters)) => letters.push(letter),
            None => post.0.push((self.mailbox, vec![letter])),
        }
    }
}

type Letters = Vec<Box<dyn FnOnce() + Send>>;

/// The answers of one batch, by core.
#[derive(Default)]
pub(super) struct Post(Vec<(Arc<Mailbox>, Letters)>);

impl Post {
    /// Sends everything.
    pub(super) fn send(self) {
        for (mailbox, mut letters) in self.0 {
            mailbox.letters.lock().expect("no panic under it").append(&mut letters);
            mailbox.bell.notify_one();
        }
    }
}
