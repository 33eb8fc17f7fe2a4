//! What a server holds of the replicated data.

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use glomers_node::{Node, NodeId, Notify, Router, Time};

use crate::gossip::{self, Fetch, Share};
use crate::peers::Peers;
use crate::{Interval, Origin, Part, Parts};

/// How long a node that was just started lets requests wait for what the others know. Longer than a round trip over a slow link, and much
/// shorter than a client waits for its answer.
const CATCHING_UP_PATIENCE: Duration = Duration::from_secs(1);

/// A node's copy of the replicated data. Cheap to clone; all clones are the same.
///
/// ```
/// use crdt::Replica;
/// use glomers_node::{Node, Router, RpcError, messages};
/// # use crdt::{Interval, Part};
/// # #[derive(Default)] struct Sum { adds: u64, total: u64 }
/// # impl Part for Sum {
/// #     type Change = u64;
/// #     type Delta = u64;
/// #     fn version(&self) -> u64 { self.adds }
/// #     fn since(&self, since: u64) -> Interval<u64> { Interval { since, until: self.adds, delta: self.total } }
/// #     fn extended_by(&self, changes: Vec<u64>) -> Interval<u64> {
/// #         let until = self.adds + changes.len() as u64;
/// #         Interval { since: self.adds, until, delta: self.total + changes.iter().sum::<u64>() }
/// #     }
/// #     fn absorb(&mut self, interval: Interval<u64>) { (self.adds, self.total) = (interval.until, interval.delta); }
/// # }
///
/// messages! { "count" struct Count {} => "count_ok" struct CountOk { total: u64 }; }
///
/// /// Counts how often it was asked, over all nodes. `Sum` is the part of the example at `Part`.
/// struct Counter { replica: Replica<Sum> }
///
/// impl Counter {
///     fn router(node: Node) -> Router<Self> {
///         let replica = Replica::start(node);
///         replica.serve(Router::new(Self { replica: replica.clone() }).on(Self::count))
///     }
///
///     async fn count(&self, _request: Count) -> Result<CountOk, RpcError> {
///         self.replica.change(1);
///         Ok(CountOk { total: self.replica.parts().iter().map(|(_, part)| part.total).sum() })
///     }
/// }
///
/// let mut cluster = glomers_node::testing::Cluster::new(&["n0", "n1"], Counter::router);
/// cluster.call("n0", Count {})?;
/// cluster.advance(std::time::Duration::from_millis(10));
/// assert_eq!(cluster.call("n1", Count {})?.total, 2);
/// # Ok::<(), RpcError>(())
/// ```
pub struct Replica<P> {
    pub(crate) shared: Rc<Shared<P>>,
}

/// What all handles on a replica share.
pub(crate) struct Shared<P> {
    pub(crate) node: Node,
    started_at: Time,
    /// This start, the writer of the node's own part.
    pub(crate) origin: Origin,
    pub(crate) parts: RefCell<Parts<P>>,
    pub(crate) peers: RefCell<Peers>,
    /// Notified whenever the parts grow, and when a peer has answered the first question.
    pub(crate) news: Notify,
    /// The peers that have answered this start's first question.
    pub(crate) welcomed_by: RefCell<BTreeSet<NodeId>>,
    /// The peers that a task is bringing up to date.
    pub(crate) being_told: RefCell<BTreeSet<NodeId>>,
    /// Whether a task is offering parts whose writers are gone.
    pub(crate) is_offering: Cell<bool>,
}

impl<P> Clone for Replica<P> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared) }
    }
}

impl<P: Part> Replica<P> {
    /// An empty replica, which begins to fetch what the other nodes hold.
    pub fn start(node: Node) -> Self {
        let shared = Shared {
            origin: Origin::draw(&node),
            parts: RefCell::default(),
            peers: RefCell::default(),
            news: Notify::new(),
            welcomed_by: RefCell::default(),
            being_told: RefCell::default(),
            is_offering: Cell::new(false),
            started_at: node.now(),
            node,
        };
        let replica = Self { shared: Rc::new(shared) };
        gossip::catch_up(&replica);
        replica
    }

    /// Adds the handlers of the messages between replicas.
    #[must_use]
    pub fn serve<S: 'static>(&self, router: Router<S>) -> Router<S> {
        let (sharing, fetching) = (self.clone(), self.clone());
        router
            .on_from(async move |_: &S, src, share: Share<P::Delta>| sharing.on_share(&src, share).await)
            .on_from(async move |_: &S, src, fetch: Fetch<P::Delta>| fetching.on_fetch(&src, &fetch))
    }

    /// Waits until every other node has answered the first question of this start, but no longer than until a second after the start: a
    /// node that was killed should not answer as though nothing had happened before, and must not wait for one that it can't reach.
    pub async fn caught_up(&self) {
        let shared = &self.shared;
        let everyone_answered = || shared.welcomed_by.borrow().len() == shared.node.peers().len();
        let end = shared.started_at + CATCHING_UP_PATIENCE;
        // Whether everyone has answered or the time is up: the request is answered now.
        let _ = shared.node.timeout_at(end, shared.news.until(everyone_answered)).await;
    }

    /// All parts, as they are here and now. Look and let go: a borrow must not be held over an await.
    pub fn parts(&self) -> Ref<'_, Parts<P>> {
        self.shared.parts.borrow()
    }

    /// Changes the node's own part, and lets the others know.
    pub fn change(&self, change: P::Change) {
        let interval = self.parts().extended_by(&self.shared.origin, vec![change]);
        self.adopt(&self.shared.origin, interval);
    }

    /// Takes an interval of a part that this node wrote, in this start or another, and lets the others know.
    pub(crate) fn adopt(&self, origin: &Origin, interval: Interval<P::Delta>) {
        if self.absorb([(origin.clone(), interval)]) {
            gossip::tell_everyone(self);
        }
    }

    /// Takes intervals, all at once; whether any of them said something new.
    pub(crate) fn absorb(&self, intervals: impl IntoIterator<Item = (Origin, Interval<P::Delta>)>) -> bool {
        let mut is_news = false;
        for (origin, interval) in intervals {
            is_news |= self.shared.parts.borrow_mut().absorb(&origin, interval);
        }
        if is_news {
            self.shared.news.notify();
            gossip::offer_orphans(self);
        }
        is_news
    }
}

impl<P> fmt::Debug for Replica<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Replica({})", self.shared.origin)
    }
}
