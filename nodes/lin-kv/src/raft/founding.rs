//! How a node without a past finds its cluster, or founds it.

use std::collections::BTreeMap;
use std::time::Duration;

use glomers_node::NodeId;

use super::{
    Blank, Effect, Elsewhere, Entry, Log, Member, Payload, Raft, Role, Seek, Stamp, draw_incarnation,
};
use crate::store::Store;

/// The pause after the first search; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// What a node that searches has found.
#[derive(Debug)]
pub(super) struct Search {
    /// The nodes that have said that they are blank, each with its life.
    blank: BTreeMap<NodeId, u64>,
    pause: Duration,
}

impl Default for Search {
    fn default() -> Self {
        Self { blank: BTreeMap::new(), pause: FIRST_PAUSE }
    }
}

impl Raft {
    /// Asks everybody, again and again: the leader may have changed, and on the first start some nodes start later.
    pub(super) fn search(&mut self) {
        let Role::Searching(search) = &mut self.role else { return };
        let pause = search.pause;
        search.pause = (pause * 2).min(LONGEST_PAUSE);
        self.due = self.now + self.scattered(pause);
        self.seek();
        self.found_if_all_are_blank();
    }

    pub(super) fn seek(&mut self) {
        for peer in self.peers.clone() {
            self.send(&peer, Seek { incarnation: self.me.incarnation });
        }
    }

    pub(super) fn answer_seeker(&mut self, from: &NodeId, seek: Seek) {
        match &self.role {
            Role::Searching(_) => {
                self.send(from, Blank { incarnation: self.me.incarnation, to: seek.incarnation });
            }
            Role::Leading(_) => {
                self.welcome(&Member { name: from.clone(), incarnation: seek.incarnation });
            }
            // The leader has been asked too.
            Role::Following | Role::Campaigning(_) => {}
        }
    }

    pub(super) fn count_blank(&mut self, from: &NodeId, blank: Blank) {
        let Role::Searching(search) = &mut self.role else { return };
        if blank.to == self.me.incarnation {
            search.blank.insert(from.clone(), blank.incarnation);
            self.found_if_all_are_blank();
        }
    }

    /// Only the first node may found a cluster, so that two can found at once only if one is a dead life of the other.
    fn found_if_all_are_blank(&mut self) {
        let Role::Searching(search) = &self.role else { return };
        let is_first = self.peers.iter().all(|peer| self.me.name < *peer);
        if !is_first || search.blank.len() < self.peers.len() {
            return;
        }
        let blank = search.blank.iter();
        let others = blank.map(|(name, life)| Member { name: name.clone(), incarnation: *life });
        let members = others.chain([self.me.clone()]).collect();
        self.cluster = Some(self.me.incarnation);
        self.term = 1;
        // Nobody else can lead the first term, since nobody but the founder knows of it without a message from the founder.
        self.voted_for = Some(self.me.clone());
        self.lead(Payload::Members(members), self.now);
    }

    /// Whether a stamped message is for this life, in its cluster. The first cluster that addresses a life is its own.
    pub(super) fn accepts(&mut self, from: &NodeId, stamp: Stamp) -> bool {
        if stamp.to != self.me.incarnation {
            return false;
        }
        match self.cluster {
            None => {
                self.cluster = Some(stamp.cluster);
                self.role = Role::Following;
                self.rest();
                true
            }
            Some(cluster) if cluster == stamp.cluster => true,
            Some(cluster) => {
                if stamp.is_established {
                    self.hear_of_another_cluster(Elsewhere { cluster: stamp.cluster, to: stamp.to });
                } else if self.committed > 0 {
                    self.send(from, Elsewhere { cluster, to: stamp.from });
                }
                false
            }
        }
    }

    /// A cluster is established when its first entry is committed; of two clusters, only one can be. Whoever is in the other
    /// has nothing to lose.
    pub(super) fn hear_of_another_cluster(&mut self, elsewhere: Elsewhere) {
        let is_another = self.cluster.is_some_and(|cluster| cluster != elsewhere.cluster);
        if elsewhere.to == self.me.incarnation && is_another && self.committed == 0 {
            self.be_reborn();
        }
    }

    /// Begins a new life without a past, as if the node had been killed and started again.
    pub(super) fn be_reborn(&mut self) {
        self.lose_reads();
        self.me.incarnation = draw_incarnation(&mut self.random);
        self.cluster = None;
        self.term = 0;
        self.voted_for = None;
        self.log = Log::default();
        self.committed = 0;
        self.store = Store::default();
        self.role = Role::Searching(Search::default());
        self.due = self.now;
        self.effects.push(Effect::Reborn);
        self.set_leader(None);
    }

    /// Becomes the leader of the present term, whose first entry this is.
    pub(super) fn lead(&mut self, first: Payload, campaign_began: glomers_node::Time) {
        self.log.push(Entry { term: self.term, payload: first });
        self.take_the_lead(campaign_began);
    }
}
