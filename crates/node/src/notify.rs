//! Waiting until something becomes true.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Lets tasks wait until a condition holds that other tasks of the same node bring about.
///
/// Keep one beside the state that the condition is about, and call [`notify`](Self::notify) after each change. There is no lost wake-up:
/// the condition is tested before the wait and again after each notification, in the order in which the tasks began to wait.
///
/// ```
/// use std::cell::Cell;
/// use glomers_node::{Node, NodeId, Notify, Router, RpcError, messages, testing::Harness};
///
/// messages! {
///     "await_stock" struct AwaitStock { at_least: u64 } => "await_stock_ok" struct AwaitStockOk {};
///     "delivery" struct Delivery { count: u64 };
/// }
///
/// #[derive(Default)]
/// struct Store { stock: Cell<u64>, changed: Notify }
///
/// impl Store {
///     async fn await_stock(&self, request: AwaitStock) -> Result<AwaitStockOk, RpcError> {
///         self.changed.until(|| self.stock.get() >= request.at_least).await;
///         Ok(AwaitStockOk {})
///     }
///
///     async fn delivery(&self, _src: NodeId, delivery: Delivery) {
///         self.stock.set(self.stock.get() + delivery.count);
///         self.changed.notify();
///     }
/// }
///
/// let start = |_node: Node| Router::new(Store::default()).on(Store::await_stock).on_notice(Store::delivery);
/// let mut harness = Harness::new("n1", &["n1"], start);
/// harness.send_line(r#"{"src":"c1","dest":"n1","body":{"type":"await_stock","msg_id":1,"at_least":5}}"#);
/// let delivery = r#"{"src":"n2","dest":"n1","body":{"type":"delivery","count":3}}"#;
/// assert!(harness.send_line(delivery).is_empty());
/// assert_eq!(harness.send_line(delivery).len(), 1);
/// ```
#[derive(Default)]
pub struct Notify {
    /// The tasks that wait, in the order in which they began to.
    waiting: RefCell<BTreeMap<u64, Waker>>,
    wait_count: Cell<u64>,
}

impl Notify {
    /// Nobody waits yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes every task that waits test its condition again, once the running task waits.
    pub fn notify(&self) {
        for (_, waker) in self.waiting.take() {
            waker.wake();
        }
    }

    /// Waits until the condition holds: no time at all if it holds now.
    pub async fn until(&self, mut condition: impl FnMut() -> bool) {
        self.until_some(|| condition().then_some(())).await;
    }

    /// Waits until there is a value, and returns it.
    pub async fn until_some<T>(&self, find: impl FnMut() -> Option<T>) -> T {
        Until { notify: self, find, place: None }.await
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Notify").field("waiting", &self.waiting.borrow().len()).finish()
    }
}

struct Until<'a, F> {
    notify: &'a Notify,
    find: F,
    /// Under which number the task's waker is in `waiting`, if it is.
    place: Option<u64>,
}

// The future holds no pointer into itself.
impl<F> Unpin for Until<'_, F> {}

impl<T, F: FnMut() -> Option<T>> Future for Until<'_, F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if let Some(found) = (self.find)() {
            return Poll::Ready(found);
        }
        let mut waiting = self.notify.waiting.borrow_mut();
        // After a notification the task has lost its place, and waits behind those that kept theirs.
        let place = match self.place {
            Some(place) if waiting.contains_key(&place) => place,
            _ => {
                let place = self.notify.wait_count.get();
                self.notify.wait_count.set(place + 1);
                place
            }
        };
        waiting.insert(place, context.waker().clone());
        drop(waiting);
        self.place = Some(place);
        Poll::Pending
    }
}

/// A task that gives up must not leave its waker behind.
impl<F> Drop for Until<'_, F> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.notify.waiting.borrow_mut().remove(&place);
        }
    }
}

#[cfg(test)]
mod tests;
