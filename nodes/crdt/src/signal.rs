//! Waiting for something to become true.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};

use futures::future::{Either, select};
use glomers_node::{Node, Time};

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

    /// Waits until the condition holds, but not beyond this moment.
    pub(crate) async fn until_or_at(&self, condition: impl Fn() -> bool, node: &Node, end: Time) {
        match select(pin!(self.until(condition)), pin!(node.sleep_until(end))).await {
            Either::Left(_) | Either::Right(_) => {}
        }
    }
}
