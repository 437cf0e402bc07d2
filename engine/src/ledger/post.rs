//! Brings answers back to the cores: one wake-up per batch and core.

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, oneshot};

use super::Refused;

/// The answers for one core's waiters.
#[derive(Default)]
pub(super) struct Mailbox {
    letters: Mutex<Letters>,
    bell: Notify,
}

impl Mailbox {
    /// Hands answers to their waiters, on the core that runs this.
    pub(super) async fn deliver(&self) {
        loop {
            self.bell.notified().await;
            let letters = std::mem::take(&mut *self.letters.lock().expect("no panic under it"));
            // Whoever hung up needs no answer.
            letters.into_iter().for_each(|(sender, result)| drop(sender.send(result)));
        }
    }
}

type Told = Result<(), Refused>;
type Letters = Vec<(oneshot::Sender<Told>, Told)>;

/// Where the answer to one submission goes.
pub(super) struct Reply {
    sender: oneshot::Sender<Told>,
    mailbox: Arc<Mailbox>,
}

impl Reply {
    pub(super) fn new(sender: oneshot::Sender<Told>, mailbox: Arc<Mailbox>) -> Self {
        Self { sender, mailbox }
    }

    /// Puts the answer into `post`, which sends it later.
    pub(super) fn answer(self, told: Told, post: &mut Post) {
        let letter = (self.sender, told);
        let known = post.0.iter_mut().find(|(mailbox, _)| Arc::ptr_eq(mailbox, &self.mailbox));
        match known {
            Some((_, letters)) => letters.push(letter),
            None => post.0.push((self.mailbox, vec![letter])),
        }
    }
}

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
