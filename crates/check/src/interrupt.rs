//! Ending a check from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that ends a check: whoever holds a clone may raise it, from any thread.
///
/// A checker that looks at it gives up soon after it was raised, and says `unknown` with that reason. What it knows
/// already it still says.
///
/// ```
/// use glomers_check::Interrupt;
/// let interrupt = Interrupt::default();
/// let elsewhere = interrupt.clone();
/// elsewhere.raise();
/// assert!(interrupt.is_raised());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks whoever looks at it to end. It cannot be taken back.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked for the end.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
