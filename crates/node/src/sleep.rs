//! Waiting for time to pass.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use glomers_protocol::{ErrorCode, RpcError};
use thiserror::Error;

use crate::timers::TimerKey;
use crate::{Node, Time};

impl Node {
    /// Waits. The time is the driver's: virtual in a simulation, real on stdin and stdout, where it is exact to a millisecond.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// Waits until a moment: no time at all if it has passed.
    pub fn sleep_until(&self, due: Time) -> Sleep {
        Sleep { node: self.clone(), due, armed: None }
    }

    /// Gives a future this long, and then drops it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use glomers_node::{Elapsed, Node, Notify};
    ///
    /// async fn wait_for_leader(node: &Node, changed: &Notify, has_leader: impl Fn() -> bool) -> Result<(), Elapsed> {
    ///     node.timeout(Duration::from_millis(500), changed.until(has_leader)).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Elapsed`], when the time is up first. A future that is ready at that very moment wins.
    pub async fn timeout<F: Future>(&self, duration: Duration, future: F) -> Result<F::Output, Elapsed> {
        self.timeout_at(self.now() + duration, future).await
    }

    /// Gives a future until this moment, and then drops it.
    ///
    /// # Errors
    /// [`Elapsed`], when the moment comes first. A future that is ready at that very moment wins.
    pub async fn timeout_at<F: Future>(&self, end: Time, future: F) -> Result<F::Output, Elapsed> {
        let (mut future, mut sleep) = (pin!(future), self.sleep_until(end));
        std::future::poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            Pin::new(&mut sleep).poll(context).map(|()| Err(Elapsed))
        })
        .await
    }
}

/// The time ran out: see [`Node::timeout`]. A handler that fails with it answers with code 0, since what it waited for may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the time ran out")]
pub struct Elapsed;

impl From<Elapsed> for RpcError {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(ErrorCode::TIMEOUT, elapsed.to_string())
    }
}

/// Waits until a moment: see [`Node::sleep`]. Dropping it disarms its timer.
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    node: Node,
    due: Time,
    armed: Option<TimerKey>,
}

impl Sleep {
    /// The moment it waits for.
    pub fn due(&self) -> Time {
        self.due
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.node.now() >= self.due {
            return Poll::Ready(());
        }
        let mut timers = self.node.shared().timers.borrow_mut();
        match self.armed {
            Some(key) => timers.renew(key, context.waker()),
            None => {
                let key = timers.arm(self.due, context.waker());
                drop(timers);
                self.armed = Some(key);
            }
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.armed {
            self.node.shared().timers.borrow_mut().disarm(key);
        }
    }
}
