//! Waiting for something to become true.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::future::{Either, select};
use glomers_node::Node;

/// Wakes whoever waits, so that they look again at what they wait for.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    waiting: RefCell<Vec<Waker>>,
}

impl Signal {
    /// Something may have become true.
    pub(crate) fn ring(&self) {
        for waker in self.waiting.take() {
            waker.wake();
        }
    }

    /// Waits until the condition holds; it is looked at now, and again at each ring.
    pub(crate) async fn until(&self, condition: impl Fn() -> bool) {
        poll_fn(|context| {
            if condition() {
                return Poll::Ready(());
            }
            let mut waiting = self.waiting.borrow_mut();
            if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Waits until the condition holds, but not longer than this.
    pub(crate) async fn until_or_for(&self, condition: impl Fn() -> bool, node: &Node, patience: Duration) {
        match select(pin!(self.until(condition)), pin!(node.sleep(patience))).await {
            Either::Left(_) | Either::Right(_) => {}
        }
    }
}
