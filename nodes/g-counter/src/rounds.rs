//! Work that is done for many at once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::channel::oneshot;
use glomers_node::Node;

/// Gathers requests while a round is under way, so that the next serves all of them.
#[derive(Debug)]
pub(crate) struct Rounds<Q, A> {
    waiting: RefCell<Vec<(Q, oneshot::Sender<A>)>>,
    is_running: Cell<bool>,
}

impl<Q, A> Default for Rounds<Q, A> {
    fn default() -> Self {
        Self { waiting: RefCell::default(), is_running: Cell::new(false) }
    }
}

impl<Q: 'static, A: Clone + 'static> Rounds<Q, A> {
    /// Has a request served by a round that begins from now on, and returns the round's answer. `round` serves the requests it is given.
    pub(crate) async fn join(
        self: &Rc<Self>,
        node: &Node,
        request: Q,
        round: impl AsyncFn(Vec<Q>) -> A + 'static,
    ) -> A {
        let (sender, answer) = oneshot::channel();
        self.waiting.borrow_mut().push((request, sender));
        if !self.is_running.replace(true) {
            let rounds = Rc::clone(self);
            node.spawn(async move { rounds.run(round).await });
        }
        answer.await.expect("a round answers all that it serves")
    }

    async fn run(&self, round: impl AsyncFn(Vec<Q>) -> A) {
        loop {
            let (requests, senders): (Vec<Q>, Vec<_>) = self.waiting.take().into_iter().unzip();
            if requests.is_empty() {
                break;
            }
            let answer = round(requests).await;
            for sender in senders {
                // Whoever no longer waits needs no answer.
                let _ = sender.send(answer.clone());
            }
        }
        self.is_running.set(false);
    }
}
