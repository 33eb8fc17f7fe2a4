//! One wake-up that can be moved.

use std::cell::Cell;

use crate::{Node, Notify, Time};

/// One wake-up of a node, which can be set, moved and cleared at any time.
///
/// It suits a state machine that says when it wants to be called next: after every event, set the alarm to the machine's deadline, and
/// let one task call the machine whenever the alarm goes off. However often the alarm is moved, at most one timer is armed.
///
/// ```
/// use std::{cell::Cell, rc::Rc, time::Duration};
/// use glomers_node::{Alarm, Node, Router, testing::Harness};
///
/// let rings = Rc::new(Cell::new(0));
/// let counted = Rc::clone(&rings);
/// let mut harness = Harness::new("n1", &["n1"], move |node: Node| {
///     let alarm = Alarm::new(&node);
///     alarm.set(node.now() + Duration::from_millis(50));
///     alarm.set(node.now() + Duration::from_millis(20));
///     node.spawn(async move {
///         loop {
///             alarm.rings().await;
///             counted.set(counted.get() + 1);
///         }
///     });
///     Router::new(())
/// });
/// harness.advance(Duration::from_millis(20));
/// assert_eq!(rings.get(), 1);
/// harness.advance(Duration::from_secs(1));
/// assert_eq!(rings.get(), 1, "the alarm was moved, and goes off once");
/// ```
#[derive(Debug)]
pub struct Alarm {
    node: Node,
    due: Cell<Option<Time>>,
    changed: Notify,
}

impl Alarm {
    /// An alarm that is not set.
    pub fn new(node: &Node) -> Self {
        Self { node: node.clone(), due: Cell::new(None), changed: Notify::new() }
    }

    /// Goes off at this moment, and not when it was set to before. A moment that has passed means at once.
    pub fn set(&self, due: Time) {
        if self.due.replace(Some(due)) != Some(due) {
            self.changed.notify();
        }
    }

    /// Goes off at this moment, unless it goes off earlier anyway.
    pub fn set_no_later_than(&self, due: Time) {
        if self.due.get().is_none_or(|earlier| due < earlier) {
            self.set(due);
        }
    }

    /// Does not go off until it is set again.
    pub fn clear(&self) {
        self.due.set(None);
    }

    /// When it goes off; `None` where it is not set.
    pub fn due(&self) -> Option<Time> {
        self.due.get()
    }

    /// Waits until the alarm goes off, which also clears it. For one task at a time: of several, one gets each ring.
    pub async fn rings(&self) {
        // An alarm that is set to the past again and again then runs into the executor's limit, rather than loop here for ever.
        yield_now().await;
        loop {
            let due = self.changed.until_some(|| self.due.get()).await;
            if self.node.now() >= due {
                self.due.set(None);
                return;
            }
            let is_moved = || self.due.get() != Some(due);
            // Moved or due: the loop finds out which.
            let _ = self.node.timeout_at(due, self.changed.until(is_moved)).await;
        }
    }
}

/// Lets all other tasks go on that can.
pub(crate) async fn yield_now() {
    let mut has_yielded = false;
    std::future::poll_fn(|context| {
        if has_yielded {
            return std::task::Poll::Ready(());
        }
        has_yielded = true;
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
