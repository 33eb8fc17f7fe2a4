//! How replicas keep each other up to date.
//!
//! | message | says | is answered with |
//! |---|---|---|
//! | `share` | what the sender holds, and the changes of its own part that the receiver has not confirmed | what the receiver holds |
//! | `fetch` | what the sender holds | all that the sender lacks |
//!
//! Every message names the start that sent it.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use glomers_node::{Body, NodeId, Request, RpcError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::parts::Bundle;
use crate::{Clock, Interval, Origin, Part, Replica};

/// How long an answer may take. It is more than a round trip and [`CAUSE_PATIENCE`] on any link that is worth using.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);
/// How long a receiver waits for the causes of a change, which are mostly on their way, before it fetches them.
const CAUSE_PATIENCE: Duration = Duration::from_millis(200);
/// The pauses between attempts to reach a peer that does not answer: from the first, doubling, to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often parts whose writers are gone are offered to peers that have not confirmed them.
const OFFER_INTERVAL: Duration = Duration::from_secs(1);

/// Tells a peer what this node holds, and what it changed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Share<D> {
    start: Origin,
    clock: Clock,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Interval<D>>,
}

/// Answers [`Share`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShareOk {
    start: Origin,
    clock: Clock,
}

/// Asks for all that this node lacks. The type of the deltas belongs to the answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Fetch<D> {
    start: Origin,
    clock: Clock,
    #[serde(skip)]
    deltas: PhantomData<fn() -> D>,
}

/// Answers [`Fetch`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FetchOk<D> {
    start: Origin,
    clock: Clock,
    parts: BTreeMap<Origin, Interval<D>>,
}

impl<D: Serialize + DeserializeOwned> Body for Share<D> {
    const TYPE: &'static str = "share";
}

impl Body for ShareOk {
    const TYPE: &'static str = "share_ok";
}

impl<D: Serialize + DeserializeOwned> Request for Share<D> {
    type Reply = ShareOk;
}

impl<D: Serialize + DeserializeOwned> Body for Fetch<D> {
    const TYPE: &'static str = "fetch";
}

impl<D: Serialize + DeserializeOwned> Body for FetchOk<D> {
    const TYPE: &'static str = "fetch_ok";
}

impl<D: Serialize + DeserializeOwned> Request for Fetch<D> {
    type Reply = FetchOk<D>;
}

/// Asks every peer for everything, each until it has answered.
pub(crate) fn catch_up<P: Part>(replica: &Replica<P>) {
    for peer in replica.shared.node.peers().to_vec() {
        let asking = replica.clone();
        replica.shared.node.spawn(async move {
            let mut pause = FIRST_PAUSE;
            while let Err(error) = asking.fetch(&peer).await {
                tracing::debug!("{asking:?}: {peer} does not say what it holds: {error}");
                asking.rest(&mut pause).await;
            }
            asking.shared.welcomed_by.borrow_mut().insert(peer);
            asking.shared.news.notify();
        });
    }
}

/// Brings every peer up to date that has not confirmed all of this node's own part.
pub(crate) fn tell_everyone<P: Part>(replica: &Replica<P>) {
    for peer in replica.shared.node.peers() {
        tell(replica, peer);
    }
}

/// Brings a peer up to date, unless a task is at it or nothing is to be told.
fn tell<P: Part>(replica: &Replica<P>, peer: &NodeId) {
    if !replica.is_owed_word(peer) || !replica.shared.being_told.borrow_mut().insert(peer.clone()) {
        return;
    }
    let (telling, peer) = (replica.clone(), peer.clone());
    replica.shared.node.spawn(async move {
        let mut pause = FIRST_PAUSE;
        while telling.is_owed_word(&peer) {
            match telling.share(&peer).await {
                Ok(()) => pause = FIRST_PAUSE,
                Err(error) => {
                    tracing::debug!("{telling:?}: {peer} does not confirm: {error}");
                    telling.rest(&mut pause).await;
                }
            }
        }
        telling.shared.being_told.borrow_mut().remove(&peer);
    });
}

/// Offers parts whose writers are gone to peers that have not confirmed them, until all have. A writer that lives needs no help, so that in
/// a cluster where nobody was killed this ends at once.
pub(crate) fn offer_orphans<P: Part>(replica: &Replica<P>) {
    if replica.shared.is_offering.replace(true) {
        return;
    }
    let offering = replica.clone();
    replica.shared.node.spawn(async move {
        loop {
            let in_need = offering.in_need_of_orphans();
            if in_need.is_empty() {
                break;
            }
            for peer in in_need {
                let offer = offering.clone();
                offering.shared.node.spawn(async move {
                    if let Err(error) = offer.share(&peer).await {
                        tracing::debug!("{offer:?}: {peer} does not confirm: {error}");
                    }
                });
            }
            offering.shared.node.sleep(OFFER_INTERVAL).await;
        }
        offering.shared.is_offering.set(false);
    });
}

impl<P: Part> Replica<P> {
    /// A peer says what it holds and what it changed.
    pub(crate) async fn on_share(&self, src: &NodeId, share: Share<P::Delta>) -> Result<ShareOk, RpcError> {
        self.hear(src, &share.start, &share.clock);
        let causes = share.clock.without(&share.start);
        let holds_causes = || self.parts().clock().covers(&causes);
        let node = &self.shared.node;
        let _ = node.timeout(CAUSE_PATIENCE, self.shared.news.until(holds_causes)).await;
        if holds_causes() {
            self.absorb(share.changes.map(|changes| (share.start, changes)));
        } else {
            // The sender holds the causes; with them come its own changes.
            self.fetch(src).await?;
        }
        Ok(ShareOk { start: self.shared.origin.clone(), clock: self.parts().clock() })
    }

    /// A peer asks for what it lacks.
    pub(crate) fn on_fetch(
        &self,
        src: &NodeId,
        fetch: &Fetch<P::Delta>,
    ) -> Result<FetchOk<P::Delta>, RpcError> {
        self.hear(src, &fetch.start, &fetch.clock);
        let parts = self.parts();
        let start = self.shared.origin.clone();
        Ok(FetchOk { start, clock: parts.clock(), parts: parts.beyond(&fetch.clock) })
    }

    /// Tells a peer once, and takes note of its answer.
    async fn share(&self, peer: &NodeId) -> Result<(), RpcError> {
        let shared = &self.shared;
        let (origin, changes) = (&shared.origin, shared.peers.borrow().changes(peer));
        let confirmed = shared.peers.borrow().confirmed(peer, origin);
        let request = Share {
            start: origin.clone(),
            clock: self.parts().clock(),
            changes: self.parts().since(origin, confirmed),
        };
        let answer = shared.node.rpc(peer, request).timeout(ANSWER_PATIENCE).await?;
        self.hear(peer, &answer.start, &answer.clock);
        shared.peers.borrow_mut().settle(peer, changes);
        Ok(())
    }

    /// Asks a peer for all that this node lacks, and takes it, all at once: the peer held every cause of what it held.
    async fn fetch(&self, peer: &NodeId) -> Result<(), RpcError> {
        let request = Fetch {
            start: self.shared.origin.clone(),
            clock: self.parts().clock(),
            deltas: PhantomData::<fn() -> P::Delta>,
        };
        let answer = self.shared.node.rpc(peer, request).timeout(ANSWER_PATIENCE).await?;
        self.hear(peer, &answer.start, &answer.clock);
        let parts: Bundle<P> = answer.parts;
        self.absorb(parts);
        Ok(())
    }

    fn hear(&self, peer: &NodeId, start: &Origin, clock: &Clock) {
        let is_other_start = self.shared.peers.borrow_mut().hear(peer, start, clock);
        if is_other_start {
            // The writer of the part that the former start wrote is gone.
            offer_orphans(self);
        }
        tell(self, peer);
    }

    /// Whether a peer has not confirmed the node's whole part, or may be another than the one that did.
    fn is_owed_word(&self, peer: &NodeId) -> bool {
        let (peers, origin) = (self.shared.peers.borrow(), &self.shared.origin);
        peers.is_in_doubt(peer) || peers.confirmed(peer, origin) < self.parts().version(origin)
    }

    /// The peers that have not confirmed all parts whose writers are gone.
    fn in_need_of_orphans(&self) -> Vec<NodeId> {
        let (parts, peers) = (self.parts(), self.shared.peers.borrow());
        let is_orphan = |origin: &Origin| *origin != self.shared.origin && !peers.is_present(origin);
        let orphans: Vec<(&Origin, &P)> = parts.iter().filter(|(origin, _)| is_orphan(origin)).collect();
        let is_in_need = |peer: &&NodeId| {
            orphans.iter().any(|(origin, part)| peers.confirmed(peer, origin) < part.version())
        };
        self.shared.node.peers().iter().filter(is_in_need).cloned().collect()
    }

    /// Lets a pause pass, shortened by up to a half at random, and doubles the next.
    async fn rest(&self, pause: &mut Duration) {
        let chance = self.shared.node.rng().f64();
        self.shared.node.sleep(pause.mul_f64(1.0 - chance / 2.0)).await;
        *pause = LONGEST_PAUSE.min(*pause * 2);
    }
}
