//! How a node without a past finds its cluster, or founds it.
//!
//! Only the node with the first name founds, and only when no node is in a cluster:
//!
//! 1. It asks everybody. A node that has joined a cluster says so; then this life will never found one, and
//!    waits for the leader to add it. The others answer with a token.
//! 2. When all have answered, it asks each for the promise to join its cluster. A node that has joined another one
//!    meanwhile says so, as above.
//! 3. When all have promised, it founds: the first entry names these lives as the members, and the founder leads
//!    the first term. No vote is needed, since nobody else knows of the cluster before it hears from the founder.
//!
//! A life joins one cluster in all: the one that it has promised to join, or one that is *established*, which means
//! that a majority has joined, so that its first entry is committed.
//!
//! # Why no second cluster is established, unless a majority forgets
//!
//! The clusters are in the order of their founders' lives, since all founders have one name. The tokens make promises
//! follow that order: a node takes a claim only from the life that it has answered last, so that a claim which comes
//! late, from a life that is over, counts for nothing. Suppose that a majority P joined a first cluster, which
//! established it, and that a second one is founded later, and joined by a majority Q.
//!
//! Everybody had promised to join the second when it was founded. No member of P could: having joined, it
//! would have refused, and having promised, it would not have joined the first. So every node of P had begun a
//! new life by then. That life may have been taken into the first cluster after its promise; but then it does not join
//! the second. So all of Q were alive and in no cluster when the second was founded: a majority of the nodes remembered
//! nothing, all at the same time, and none of them had been taken in. That is where the promise of this store ends.
//!
//! # What becomes of a cluster that comes to nothing
//!
//! A founder to whom no majority answers begins a new life, and tries again. If it dies before a majority has joined, it
//! leaves a cluster that the others may still establish, by electing a leader. If too few of those who have
//! joined live, it stays where it is, and no node serves: kills in the first moments may have that effect. Where another one is established all the same, a node
//! in the one that came to nothing has nothing to lose, and begins a new life in the other.

use std::collections::BTreeMap;
use std::time::Duration;

use glomers_node::{NodeId, Time};

use super::{
    AcceptCluster, ClusterExists, Discover, Effect, Entry, Log, Member, NoCluster, Payload, ProposeCluster,
    Raft, Role, Stamp, draw_incarnation,
};
use crate::store::Store;

/// The pause after the first search; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// What a node that searches has found.
#[derive(Debug)]
pub(super) struct Discovery {
    /// The nodes that have said that they are in no cluster.
    no_cluster: BTreeMap<NodeId, NoCluster>,
    /// The nodes that have promised to join this founder's cluster, each with its life.
    accepted_by: BTreeMap<NodeId, u64>,
    /// Whether no node is known to have joined a cluster.
    may_bootstrap: bool,
    /// The founder's life that was answered last, and with which token.
    answered: Option<(u64, u64)>,
    /// The founder's life whose cluster this node has promised to join.
    accepted: Option<u64>,
    began: Option<Time>,
    pause: Duration,
}

impl Default for Discovery {
    fn default() -> Self {
        Self {
            no_cluster: BTreeMap::new(),
            accepted_by: BTreeMap::new(),
            may_bootstrap: true,
            answered: None,
            accepted: None,
            began: None,
            pause: FIRST_PAUSE,
        }
    }
}

impl Raft {
    /// Asks everybody, again and again: the leader may have changed, and on the first start some nodes start later.
    pub(super) fn continue_discovery(&mut self) {
        let Role::Discovering(discovery) = &mut self.role else { return };
        discovery.began.get_or_insert(self.now);
        let pause = discovery.pause;
        discovery.pause = (pause * 2).min(LONGEST_PAUSE);
        self.due = self.now + self.scattered(pause);
        self.discover();
        self.bootstrap_if_all_accept();
    }

    pub(super) fn discover(&mut self) {
        let may_bootstrap = matches!(&self.role, Role::Discovering(discovery) if discovery.may_bootstrap && self.is_founder(&self.me.name));
        for peer in self.peers.clone() {
            self.send(&peer, Discover { incarnation: self.me.incarnation, may_bootstrap });
        }
    }

    pub(super) fn answer_discover(&mut self, from: &NodeId, discover: Discover) {
        let is_from_founder = self.is_founder(from);
        match &mut self.role {
            // Other nodes are added by a leader, and this is none.
            Role::Discovering(_) if !is_from_founder => {}
            Role::Discovering(discovery) => {
                let token = match discovery.answered {
                    Some((life, token)) if life == discover.incarnation => token,
                    Some((_, token)) => token + 1,
                    None => 1,
                };
                discovery.answered = Some((discover.incarnation, token));
                if !discover.may_bootstrap && discovery.accepted == Some(discover.incarnation) {
                    discovery.accepted = None;
                }
                let incarnation = self.me.incarnation;
                self.send(from, NoCluster { incarnation, to: discover.incarnation, token });
            }
            Role::Leader(_) => {
                self.add_learner(&Member { name: from.clone(), incarnation: discover.incarnation });
                self.tell_founder(from, discover.incarnation);
            }
            Role::Follower | Role::Candidate(_) => self.tell_founder(from, discover.incarnation),
        }
    }

    pub(super) fn count_no_cluster(&mut self, from: &NodeId, no_cluster: NoCluster) {
        let is_founder = self.is_founder(&self.me.name);
        let Role::Discovering(discovery) = &mut self.role else { return };
        if no_cluster.to != self.me.incarnation || !is_founder {
            return;
        }
        discovery.no_cluster.insert(from.clone(), no_cluster);
        if discovery.no_cluster.len() < self.peers.len() {
            return;
        }
        if !discovery.may_bootstrap {
            // The node that had joined a cluster has forgotten it. Another life may found one.
            self.start_new_incarnation();
            return;
        }
        let has_accepted = |name: &NodeId, no_cluster: &NoCluster| {
            discovery.accepted_by.get(name) == Some(&no_cluster.incarnation)
        };
        let unasked =
            discovery.no_cluster.iter().filter(|(name, no_cluster)| !has_accepted(name, no_cluster));
        let claims: Vec<(NodeId, NoCluster)> =
            unasked.map(|(name, no_cluster)| (name.clone(), *no_cluster)).collect();
        for (name, NoCluster { incarnation: to, token, .. }) in claims {
            self.send(&name, ProposeCluster { incarnation: self.me.incarnation, to, token });
        }
    }

    pub(super) fn accept_cluster(&mut self, from: &NodeId, proposal: ProposeCluster) {
        if proposal.to != self.me.incarnation {
            return;
        }
        match &mut self.role {
            Role::Discovering(discovery)
                if discovery.answered == Some((proposal.incarnation, proposal.token)) =>
            {
                discovery.accepted = Some(proposal.incarnation);
                self.send(from, AcceptCluster { incarnation: proposal.to, to: proposal.incarnation });
            }
            Role::Discovering(_) => {}
            Role::Follower | Role::Candidate(_) | Role::Leader(_) => {
                self.tell_founder(from, proposal.incarnation);
            }
        }
    }

    pub(super) fn count_accept_cluster(&mut self, from: &NodeId, acceptance: AcceptCluster) {
        let Role::Discovering(discovery) = &mut self.role else { return };
        if acceptance.to == self.me.incarnation {
            discovery.accepted_by.insert(from.clone(), acceptance.incarnation);
            self.bootstrap_if_all_accept();
        }
    }

    fn bootstrap_if_all_accept(&mut self) {
        let Role::Discovering(discovery) = &self.role else { return };
        // A node that has begun a new life since it accepted must accept again, or the cluster would have members that no longer live.
        let has_accepted = |peer: &NodeId| {
            let no_cluster = discovery.no_cluster.get(peer).map(|no_cluster| no_cluster.incarnation);
            no_cluster.is_some() && discovery.accepted_by.get(peer).copied() == no_cluster
        };
        let may_bootstrap = self.is_founder(&self.me.name) && discovery.may_bootstrap;
        if !may_bootstrap || !self.peers.iter().all(has_accepted) {
            return;
        }
        let began = discovery.began.unwrap_or(self.now);
        let accepted_by = discovery.accepted_by.iter();
        let others = accepted_by.map(|(name, life)| Member { name: name.clone(), incarnation: *life });
        let members = others.chain([self.me.clone()]).collect();
        self.cluster = Some(self.me.incarnation);
        self.term = 1;
        self.voted_for = Some(self.me.clone());
        self.lead(Payload::Members(members), began);
    }

    /// Whether a stamped message is for this life, in its cluster.
    pub(super) fn accepts(&mut self, from: &NodeId, stamp: Stamp) -> bool {
        if stamp.to != self.me.incarnation {
            return false;
        }
        match (&self.role, self.cluster) {
            (Role::Discovering(discovery), _) => {
                let joins = stamp.is_established || discovery.accepted == Some(stamp.cluster);
                if joins {
                    self.cluster = Some(stamp.cluster);
                    self.role = Role::Follower;
                    self.reset_election_timer();
                }
                joins
            }
            (_, Some(cluster)) if cluster == stamp.cluster => true,
            (_, Some(_)) => {
                if stamp.is_established {
                    self.learn_of_cluster(ClusterExists {
                        cluster: stamp.cluster,
                        is_established: true,
                        to: stamp.to,
                    });
                } else if self.committed > 0 {
                    self.tell(from, stamp.from);
                }
                false
            }
            (_, None) => unreachable!("only a node that searches has no cluster"),
        }
    }

    pub(super) fn learn_of_cluster(&mut self, existing: ClusterExists) {
        if existing.to != self.me.incarnation {
            return;
        }
        match (&mut self.role, self.cluster) {
            (Role::Discovering(discovery), _) => {
                discovery.may_bootstrap = false;
                discovery.no_cluster.clear();
                discovery.accepted_by.clear();
            }
            (_, Some(cluster)) => {
                let came_to_nothing = self.committed == 0 && existing.is_established;
                if cluster != existing.cluster && came_to_nothing {
                    self.start_new_incarnation();
                }
            }
            (_, None) => unreachable!("only a node that searches has no cluster"),
        }
    }

    fn tell_founder(&mut self, from: &NodeId, incarnation: u64) {
        if self.is_founder(from) {
            self.tell(from, incarnation);
        }
    }

    fn tell(&mut self, to: &NodeId, incarnation: u64) {
        let Some(cluster) = self.cluster else { return };
        self.send(to, ClusterExists { cluster, is_established: self.committed > 0, to: incarnation });
    }

    /// Whether this is the node that may found: the one with the first name.
    fn is_founder(&self, name: &NodeId) -> bool {
        *name <= self.me.name && self.peers.iter().all(|peer| name <= peer)
    }

    /// Begins a new life without a past, as if the node had been killed and started again.
    pub(super) fn start_new_incarnation(&mut self) {
        self.drop_reads();
        self.me.incarnation = draw_incarnation(&mut self.random);
        self.cluster = None;
        self.term = 0;
        self.voted_for = None;
        self.log = Log::default();
        self.committed = 0;
        self.store = Store::default();
        self.role = Role::Discovering(Discovery::default());
        self.due = self.now;
        self.effects.push(Effect::NewIncarnation);
        self.set_leader(None);
    }

    /// Becomes the leader of the present term, whose first entry this is.
    pub(super) fn lead(&mut self, first: Payload, campaign_began: Time) {
        self.log.push(Entry { term: self.term, payload: first });
        self.become_leader(campaign_began);
    }
}
