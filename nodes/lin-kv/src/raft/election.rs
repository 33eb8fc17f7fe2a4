//! How the members agree on a leader.

use std::collections::BTreeSet;
use std::time::Duration;

use glomers_node::{NodeId, Time};

use super::{Member, Payload, Position, Raft, Removed, RequestVote, Role, Vote};

/// A candidate waits no longer than this for the votes, however slow the network seems.
const LONGEST_PATIENCE: Duration = Duration::from_secs(6);

/// A candidate's state.
#[derive(Debug)]
pub(super) struct Campaign {
    /// In a pre-vote the candidate only asks whether it would be elected, in the term after its own.
    is_pre_vote: bool,
    /// Who is for it.
    votes: BTreeSet<NodeId>,
    began: Time,
}

impl Raft {
    /// No leader has been heard for too long, or a campaign has come to nothing.
    pub(super) fn start_election(&mut self) {
        if matches!(self.role, Role::Candidate(_)) {
            self.patience = (self.patience * 2).min(LONGEST_PATIENCE);
        }
        self.set_leader(None);
        if self.is_member() {
            self.campaign(true, self.now);
        } else {
            // The leader that was bringing this node up to date has stopped.
            self.role = Role::Follower;
            self.reset_election_timer();
            self.discover();
        }
    }

    fn campaign(&mut self, is_pre_vote: bool, began: Time) {
        if !is_pre_vote {
            self.term += 1;
            self.voted_for = Some(self.me.clone());
        }
        self.role = Role::Candidate(Campaign { is_pre_vote, votes: [self.me.name.clone()].into(), began });
        self.due = self.now + self.scattered(self.patience);
        for (name, incarnation) in self.log.members().clone().iter() {
            if *name != self.me.name {
                let stamp = self.stamp(incarnation);
                self.send(name, RequestVote { stamp, is_pre_vote, last: self.log.last() });
            }
        }
        self.end_campaign_if_won();
    }

    /// A follower waits until it has not heard a leader for a while.
    pub(super) fn reset_election_timer(&mut self) {
        self.due = self.now + self.scattered(self.tuning.election_timeout);
    }

    /// Follows the leader of the present term, or waits for one.
    pub(super) fn follow(&mut self) {
        if !matches!(self.role, Role::Follower) {
            self.drop_reads();
            self.role = Role::Follower;
            self.reset_election_timer();
        }
    }

    /// There is a later term: who leads it, this node does not know yet.
    pub(super) fn enter_term(&mut self, term: u64) {
        self.term = term;
        self.voted_for = None;
        self.follow();
        self.set_leader(None);
    }

    pub(super) fn decide_vote(&mut self, from: &NodeId, request: RequestVote) {
        let candidate = Member { name: from.clone(), incarnation: request.stamp.from };
        if self.is_leading() && !self.log.members().contains(&candidate) {
            let stamp = self.stamp(candidate.incarnation);
            self.send(from, Removed { stamp });
            return;
        }
        let for_term = request.stamp.term + u64::from(request.is_pre_vote);
        let is_granted = if request.is_pre_vote {
            for_term > self.term && is_as_long(request.last, self.log.last()) && !self.hears_leader()
        } else {
            let is_free = self.voted_for.as_ref().is_none_or(|voted_for| *voted_for == candidate);
            for_term == self.term && is_free && is_as_long(request.last, self.log.last())
        };
        if is_granted && !request.is_pre_vote {
            self.voted_for = Some(candidate);
            self.reset_election_timer();
        }
        let stamp = self.stamp(request.stamp.from);
        self.send(from, Vote { stamp, is_pre_vote: request.is_pre_vote, for_term, is_granted });
    }

    /// Whether there is a leader that another one would only disturb.
    fn hears_leader(&self) -> bool {
        let silence = self.now.since(self.leader_heard_at);
        self.is_leading() || (self.leader.is_some() && silence < self.tuning.election_timeout)
    }

    pub(super) fn count_vote(&mut self, from: &NodeId, vote: Vote) {
        let voter = Member { name: from.clone(), incarnation: vote.stamp.from };
        let Role::Candidate(campaign) = &mut self.role else { return };
        let wanted = self.term + u64::from(campaign.is_pre_vote);
        let is_for_this = vote.is_pre_vote == campaign.is_pre_vote && vote.for_term == wanted;
        if is_for_this && vote.is_granted && self.log.members().contains(&voter) {
            campaign.votes.insert(voter.name);
            self.end_campaign_if_won();
        }
    }

    fn end_campaign_if_won(&mut self) {
        let Role::Candidate(campaign) = &self.role else { return };
        if campaign.votes.len() < self.log.members().majority() {
            return;
        }
        let began = campaign.began;
        if campaign.is_pre_vote {
            self.campaign(false, began);
        } else {
            self.lead(Payload::LeaderBegins, began);
        }
    }

    /// Another life of this name is a member now. The word of a leader of a former term does not count: it may not know
    /// that this life has become a member since.
    pub(super) fn be_removed(&mut self, removed: Removed) {
        if removed.stamp.term >= self.term {
            self.start_new_incarnation();
        }
    }
}

/// Whether a candidate's log holds all that a majority may have committed together with the voter.
fn is_as_long(candidate: Position, voter: Position) -> bool {
    (candidate.term, candidate.index) >= (voter.term, voter.index)
}
