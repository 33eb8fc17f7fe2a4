//! What a replica knows of the others: which start of each it last heard of, and what that start has confirmed.

use std::collections::BTreeMap;

use glomers_node::NodeId;

use crate::{Clock, Origin};

/// What is known of each other node that has been heard of.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    by_id: BTreeMap<NodeId, Peer>,
}

#[derive(Debug)]
struct Peer {
    /// The start that spoke last.
    start: Origin,
    /// What that start holds, at least.
    clock: Clock,
    /// How often another start spoke than before.
    changes: u64,
    /// How many of these changes lie before the last request that the peer has answered.
    settled_changes: u64,
}

impl Peers {
    /// Takes note of what a peer says it holds.
    ///
    /// A message of a former start may arrive after one of the present, and nothing in the two tells which is which. So whenever the start
    /// is not the one that spoke before, the peer is taken to hold nothing, and is in doubt until it has answered a request that was sent
    /// afterwards: only a living start can. Returns whether another start has spoken than before.
    pub(crate) fn hear(&mut self, id: &NodeId, start: &Origin, clock: &Clock) -> bool {
        match self.by_id.get_mut(id) {
            Some(peer) if peer.start == *start => {
                peer.clock.merge(clock);
                return false;
            }
            Some(peer) => {
                (peer.start, peer.clock) = (start.clone(), Clock::default());
                peer.changes += 1;
            }
            None => {
                let (start, clock) = (start.clone(), clock.clone());
                self.by_id.insert(id.clone(), Peer { start, clock, changes: 0, settled_changes: 0 });
            }
        }
        true
    }

    /// How often a peer's start has changed: to be asked for before a request and given to [`settle`](Self::settle) after its answer.
    pub(crate) fn changes(&self, id: &NodeId) -> u64 {
        self.by_id.get(id).map_or(0, |peer| peer.changes)
    }

    /// Takes note that a request was answered that was sent after so many changes.
    pub(crate) fn settle(&mut self, id: &NodeId, changes: u64) {
        if let Some(peer) = self.by_id.get_mut(id) {
            peer.settled_changes = peer.settled_changes.max(changes);
        }
    }

    /// Whether a peer's start is in doubt.
    pub(crate) fn is_in_doubt(&self, id: &NodeId) -> bool {
        self.by_id.get(id).is_some_and(|peer| peer.changes > peer.settled_changes)
    }

    /// How much of a part a peer has confirmed to hold.
    pub(crate) fn confirmed(&self, id: &NodeId, origin: &Origin) -> u64 {
        self.by_id.get(id).map_or(0, |peer| peer.clock.version(origin))
    }

    /// Whether this is the start of some peer that spoke last: a writer that shares its part itself.
    pub(crate) fn is_present(&self, origin: &Origin) -> bool {
        self.by_id.values().any(|peer| peer.start == *origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_changes_is_in_doubt_until_it_answers() {
        let (id, part) = (NodeId::from("n1"), Origin::from("n0-1"));
        let (old, new) = (Origin::from("n1-1"), Origin::from("n1-2"));
        let mut holds_three = Clock::default();
        holds_three.raise(&part, 3);
        let mut peers = Peers::default();
        peers.hear(&id, &old, &holds_three);
        assert_eq!(peers.confirmed(&id, &part), 3);
        peers.hear(&id, &new, &Clock::default());
        assert_eq!(peers.confirmed(&id, &part), 0);
        // A late message of the old start.
        peers.hear(&id, &old, &holds_three);
        assert_eq!(peers.confirmed(&id, &part), 0);
        peers.hear(&id, &new, &holds_three);
        assert_eq!(peers.confirmed(&id, &part), 0);
        peers.hear(&id, &new, &holds_three);
        assert_eq!(peers.confirmed(&id, &part), 3);
        assert!(peers.is_in_doubt(&id));
        let changes = peers.changes(&id);
        peers.settle(&id, changes - 1);
        assert!(peers.is_in_doubt(&id), "the request was sent before the last change");
        peers.settle(&id, changes);
        assert!(!peers.is_in_doubt(&id));
    }
}
