//! What a part must be able to do.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The contribution of one writer: a sequence of changes, or what they come to.
///
/// A part need not remember its changes one by one; it must be able to tell what they did since any version. The laws: for
/// `interval = a.since(v)` and any `b` that is `a` at a version from `v` on, `b.absorb(interval)` makes `b` equal to `a`.
///
/// ```
/// use crdt::{Interval, Part};
///
/// /// A counter's part: only the sum matters.
/// #[derive(Default)]
/// struct Sum { adds: u64, total: u64 }
///
/// impl Part for Sum {
///     type Change = u64;
///     type Delta = u64;
///
///     fn version(&self) -> u64 { self.adds }
///
///     fn since(&self, version: u64) -> Interval<u64> {
///         Interval { since: version, until: self.adds, delta: self.total }
///     }
///
///     fn extended_by(&self, changes: Vec<u64>) -> Interval<u64> {
///         let until = self.adds + changes.len() as u64;
///         Interval { since: self.adds, until, delta: self.total + changes.iter().sum::<u64>() }
///     }
///
///     fn absorb(&mut self, interval: Interval<u64>) {
///         (self.adds, self.total) = (interval.until, interval.delta);
///     }
/// }
///
/// let (mut writer, mut copy) = (Sum::default(), Sum::default());
/// writer.absorb(writer.extended_by(vec![3, 4]));
/// copy.absorb(writer.since(copy.version()));
/// assert_eq!(copy.total, 7);
/// ```
pub trait Part: Default + 'static {
    /// One change.
    type Change: 'static;
    /// What some changes in a row did.
    type Delta: Serialize + DeserializeOwned + 'static;

    /// How many changes have been made.
    fn version(&self) -> u64;

    /// What the changes after the one with this number did, which is at most [`version`](Self::version).
    fn since(&self, version: u64) -> Interval<Self::Delta>;

    /// What these changes would do next, without making them.
    fn extended_by(&self, changes: Vec<Self::Change>) -> Interval<Self::Delta>;

    /// Makes the changes of an interval, but for those that have been made. It begins no later than at the present version and ends after
    /// it; [`Parts`](crate::Parts) sees to that.
    fn absorb(&mut self, interval: Interval<Self::Delta>);
}

/// Some changes of a part in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval<D> {
    /// The version before the first of them.
    pub since: u64,
    /// The version after the last of them.
    pub until: u64,
    /// What they did.
    pub delta: D,
}
