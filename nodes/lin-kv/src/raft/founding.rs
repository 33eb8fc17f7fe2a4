//! How a node without a past finds its cluster, or founds it.
//!
//! Only the node with the first name founds, and only when everybody is blank:
//!
//! 1. It asks everybody. Who has joined a cluster says so, and that is the end of it: this life will never found,
//!    and waits to be taken in. The others answer with a token.
//! 2. When all have answered, it asks each for the promise to join its cluster. Who has joined another one in the
//!    meantime says so, as above.
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
//! the second. So all of Q were alive and blank when the second was founded: a majority of the nodes remembered
//! nothing, all at the same time, and none of them had been taken in. That is where the promise of this store ends.
//!
//! # What becomes of a cluster that comes to nothing
//!
//! A founder to whom no majority answers begins a new life, and tries again. If it dies before a majority has joined, it
//! leaves a cluster that the others may still establish, by electing a leader. If too few of those who have
//! joined live, it stays where it is, and nobody serves: kills in the first moments may have that effect. Where another one is established all the same, whoever is
//! in the one that came to nothing has nothing to lose, and begins a new life in the other.

use std::collections::BTreeMap;
use std::time::Duration;

use glomers_node::{NodeId, Time};

use super::{
    Blank, Claim, Effect, Elsewhere, Entry, Log, Member, Payload, Promise, Raft, Role, Seek, Stamp,
    draw_incarnation,
};
use crate::store::Store;

/// The pause after the first search; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// What a node that searches has found.
#[derive(Debug)]
pub(super) struct Search {
    /// The nodes that have said that they are blank.
    blank: BTreeMap<NodeId, Blank>,
    /// The nodes that have promised to join this founder's cluster, each with its life.
    promises: BTreeMap<NodeId, u64>,
    /// Whether nobody has been heard of who has joined a cluster.
    may_found: bool,
    /// The founder's life that was answered last, and with which token.
    answered: Option<(u64, u64)>,
    /// The founder's life whose cluster this node has promised to join.
    promised: Option<u64>,
    began: Option<Time>,
    pause: Duration,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            blank: BTreeMap::new(),
            promises: BTreeMap::new(),
            may_found: true,
            answered: None,
            promised: None,
            began: None,
            pause: FIRST_PAUSE,
        }
    }
}

impl Raft {
    /// Asks everybody, again and again: the leader may have changed, and on the first start some nodes start later.
    pub(super) fn search(&mut self) {
        let Role::Searching(search) = &mut self.role else { return };
        search.began.get_or_insert(self.now);
        let pause = search.pause;
        search.pause = (pause * 2).min(LONGEST_PAUSE);
        self.due = self.now + self.scattered(pause);
        self.seek();
        self.found_if_all_promise();
    }

    pub(super) fn seek(&mut self) {
        let may_found = matches!(&self.role, Role::Searching(search) if search.may_found && self.is_founder(&self.me.name));
        for peer in self.peers.clone() {
            self.send(&peer, Seek { incarnation: self.me.incarnation, may_found });
        }
    }

    pub(super) fn answer_seeker(&mut self, from: &NodeId, seek: Seek) {
        let is_from_founder = self.is_founder(from);
        match &mut self.role {
            // Others are taken in by a leader, and here is none.
            Role::Searching(_) if !is_from_founder => {}
            Role::Searching(search) => {
                let token = match search.answered {
                    Some((life, token)) if life == seek.incarnation => token,
                    Some((_, token)) => token + 1,
                    None => 1,
                };
                search.answered = Some((seek.incarnation, token));
                if !seek.may_found && search.promised == Some(seek.incarnation) {
                    search.promised = None;
                }
                let incarnation = self.me.incarnation;
                self.send(from, Blank { incarnation, to: seek.incarnation, token });
            }
            Role::Leading(_) => {
                self.welcome(&Member { name: from.clone(), incarnation: seek.incarnation });
                self.tell_founder(from, seek.incarnation);
            }
            Role::Following | Role::Campaigning(_) => self.tell_founder(from, seek.incarnation),
        }
    }

    pub(super) fn count_blank(&mut self, from: &NodeId, blank: Blank) {
        let is_founder = self.is_founder(&self.me.name);
        let Role::Searching(search) = &mut self.role else { return };
        if blank.to != self.me.incarnation || !is_founder {
            return;
        }
        search.blank.insert(from.clone(), blank);
        if search.blank.len() < self.peers.len() {
            return;
        }
        if !search.may_found {
            // Whoever had joined a cluster has forgotten it. Another life may found.
            self.be_reborn();
            return;
        }
        let has_promised =
            |name: &NodeId, blank: &Blank| search.promises.get(name) == Some(&blank.incarnation);
        let unasked = search.blank.iter().filter(|(name, blank)| !has_promised(name, blank));
        let claims: Vec<(NodeId, Blank)> = unasked.map(|(name, blank)| (name.clone(), *blank)).collect();
        for (name, Blank { incarnation: to, token, .. }) in claims {
            self.send(&name, Claim { incarnation: self.me.incarnation, to, token });
        }
    }

    pub(super) fn give_promise(&mut self, from: &NodeId, claim: Claim) {
        if claim.to != self.me.incarnation {
            return;
        }
        match &mut self.role {
            Role::Searching(search) if search.answered == Some((claim.incarnation, claim.token)) => {
                search.promised = Some(claim.incarnation);
                self.send(from, Promise { incarnation: claim.to, to: claim.incarnation });
            }
            Role::Searching(_) => {}
            Role::Following | Role::Campaigning(_) | Role::Leading(_) => {
                self.tell_founder(from, claim.incarnation);
            }
        }
    }

    pub(super) fn count_promise(&mut self, from: &NodeId, promise: Promise) {
        let Role::Searching(search) = &mut self.role else { return };
        if promise.to == self.me.incarnation {
            search.promises.insert(from.clone(), promise.incarnation);
            self.found_if_all_promise();
        }
    }

    fn found_if_all_promise(&mut self) {
        let Role::Searching(search) = &self.role else { return };
        // Who has begun a new life since its promise must promise again, lest the cluster be one of the dead.
        let is_promised = |peer: &NodeId| {
            let blank = search.blank.get(peer).map(|blank| blank.incarnation);
            blank.is_some() && search.promises.get(peer).copied() == blank
        };
        let may_found = self.is_founder(&self.me.name) && search.may_found;
        if !may_found || !self.peers.iter().all(is_promised) {
            return;
        }
        let began = search.began.unwrap_or(self.now);
        let promises = search.promises.iter();
        let others = promises.map(|(name, life)| Member { name: name.clone(), incarnation: *life });
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
            (Role::Searching(search), _) => {
                let joins = stamp.is_established || search.promised == Some(stamp.cluster);
                if joins {
                    self.cluster = Some(stamp.cluster);
                    self.role = Role::Following;
                    self.rest();
                }
                joins
            }
            (_, Some(cluster)) if cluster == stamp.cluster => true,
            (_, Some(_)) => {
                if stamp.is_established {
                    self.hear_of_a_cluster(Elsewhere {
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

    pub(super) fn hear_of_a_cluster(&mut self, elsewhere: Elsewhere) {
        if elsewhere.to != self.me.incarnation {
            return;
        }
        match (&mut self.role, self.cluster) {
            (Role::Searching(search), _) => {
                search.may_found = false;
                search.blank.clear();
                search.promises.clear();
            }
            (_, Some(cluster)) => {
                let came_to_nothing = self.committed == 0 && elsewhere.is_established;
                if cluster != elsewhere.cluster && came_to_nothing {
                    self.be_reborn();
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
        self.send(to, Elsewhere { cluster, is_established: self.committed > 0, to: incarnation });
    }

    /// Whether this is the node that may found: the one with the first name.
    fn is_founder(&self, name: &NodeId) -> bool {
        *name <= self.me.name && self.peers.iter().all(|peer| name <= peer)
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
    pub(super) fn lead(&mut self, first: Payload, campaign_began: Time) {
        self.log.push(Entry { term: self.term, payload: first });
        self.take_the_lead(campaign_began);
    }
}
