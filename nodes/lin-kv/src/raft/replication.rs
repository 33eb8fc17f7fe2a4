//! How the leader's log becomes everybody's, and what may be read.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use glomers_node::{NodeId, Time};

use super::{
    AppendEntries, AppendResponse, Effect, InstallSnapshot, Log, LogMismatch, Member, Position, Raft, Role,
    Stamp,
};
use crate::store::Store;

/// At most so many entries go in one message.
const MOST_ENTRIES: usize = 512;
/// So many entries are sent again until they are acknowledged, rather than waiting for a gap to show. That makes
/// every message complete in itself: neither loss nor reordering costs a round trip.
const REPEATED_ENTRIES: u64 = 64;

/// A leader's state.
#[derive(Debug)]
pub(super) struct Leadership {
    /// The other members.
    pub(super) followers: BTreeMap<NodeId, Progress>,
    /// Nodes that are brought up to date before they become members.
    pub(super) learners: BTreeMap<NodeId, Progress>,
    /// The index of the first entry of this leader's term. Once it is committed, all before it is.
    pub(super) first_index: u64,
    /// Whether there is something that the followers have not been told.
    pub(super) has_unsent: bool,
    /// How long the leader goes on without hearing from a majority.
    pub(super) window: Duration,
    /// How often the leader has spoken to all.
    round: u64,
    /// The reads that wait for a majority, in the order they came.
    reads: VecDeque<PendingRead>,
}

/// What the leader knows of another node's log.
#[derive(Debug)]
pub(super) struct Progress {
    /// Which life of the node it is.
    pub(super) incarnation: u64,
    /// Up to where its log is the leader's; `None` until it has said so.
    pub(super) matched: Option<u64>,
    pub(super) heard_at: Time,
    /// The index of the last entry sent, or where the logs are supposed to agree.
    sent: u64,
    /// The last round that it has answered.
    round: u64,
    /// When it was last sent the whole store, until it has got it.
    install_sent_at: Option<Time>,
}

#[derive(Debug)]
struct PendingRead {
    number: u64,
    /// The round whose answers confirm that this node led when the read came.
    round: u64,
    /// What must be committed first.
    index: u64,
}

impl Progress {
    pub(super) fn new(incarnation: u64, last_index: u64, now: Time) -> Self {
        Self { incarnation, matched: None, heard_at: now, sent: last_index, round: 0, install_sent_at: None }
    }
}

impl Leadership {
    pub(super) fn add_read(&mut self, number: u64, committed: u64) {
        let index = committed.max(self.first_index);
        self.reads.push_back(PendingRead { number, round: self.round + 1, index });
        self.has_unsent = true;
    }

    fn progress(&mut self, other: &Member) -> Option<&mut Progress> {
        let known = [self.followers.get_mut(&other.name), self.learners.get_mut(&other.name)];
        known.into_iter().flatten().find(|progress| progress.incarnation == other.incarnation)
    }
}

impl Raft {
    /// Begins to lead: the log holds the first entry of the term already.
    pub(super) fn become_leader(&mut self, campaign_began: Time) {
        let last_index = self.log.last_index();
        let others = self.log.members().iter().filter(|(name, _)| **name != self.me.name);
        let followers = others
            .map(|(name, incarnation)| (name.clone(), Progress::new(incarnation, last_index - 1, self.now)))
            .collect();
        // Where the votes took long, so do acknowledgements.
        let window = (self.tuning.election_timeout * 2).max(self.now.since(campaign_began) * 4);
        tracing::info!("{} leads term {} from entry {last_index} on", self.me.name, self.term);
        self.role = Role::Leader(Leadership {
            followers,
            learners: BTreeMap::new(),
            first_index: last_index,
            has_unsent: true,
            window,
            round: 0,
            reads: VecDeque::new(),
        });
        self.patience = self.tuning.election_timeout;
        self.set_leader(Some(self.me.clone()));
        self.send_append_to_all();
    }

    /// Speaks up, unless too few have answered lately: then others may have another leader, and clients wait here in
    /// vain.
    pub(super) fn heartbeat(&mut self) {
        let Role::Leader(leadership) = &self.role else { return };
        let heard_at = |name: &NodeId| match leadership.followers.get(name) {
            Some(follower) => follower.heard_at,
            None => self.now,
        };
        let heard_by_majority = self.log.members().reached_by_majority(heard_at);
        if self.now.since(heard_by_majority) > leadership.window {
            tracing::info!("{} leads term {} no longer: no majority answers", self.me.name, self.term);
            self.step_down();
            return;
        }
        self.forget_silent_learners();
        self.send_append_to_all();
    }

    fn step_down(&mut self) {
        if self.term == 1 && self.committed == 0 {
            // Only the founder leads the first term, so it knows that nothing has been committed in its cluster.
            self.start_new_incarnation();
        } else {
            self.follow();
            self.set_leader(None);
        }
    }

    /// Sends every node what it lacks, or a heartbeat.
    pub(super) fn send_append_to_all(&mut self) {
        let Role::Leader(leadership) = &mut self.role else { return };
        leadership.round += 1;
        leadership.has_unsent = false;
        // A learner may have the name of a follower whose life is over.
        let others = leadership.followers.iter().chain(&leadership.learners);
        let others: Vec<Member> = others
            .map(|(name, progress)| Member { name: name.clone(), incarnation: progress.incarnation })
            .collect();
        self.due = self.now + self.tuning.heartbeat;
        for other in &others {
            self.send_append(other);
        }
        // Where the leader is a majority by itself, nobody will answer.
        self.advance();
    }

    /// Sends one node what it lacks.
    pub(super) fn send_append(&mut self, other: &Member) {
        let Member { name, incarnation } = other;
        let incarnation = *incarnation;
        let Role::Leader(leadership) = &mut self.role else { return };
        let (now, base, round) = (self.now, self.log.base().index, leadership.round);
        let patience = leadership.window;
        let Some(progress) = leadership.progress(other) else { return };
        if let Some(sent_at) = progress.install_sent_at {
            if now.since(sent_at) < patience {
                // The store has been sent and not confirmed. This is only a heartbeat.
                self.send_entries(name, incarnation, round, Vec::new(), self.committed);
                return;
            }
            progress.install_sent_at = None;
        }
        let after = match progress.matched {
            Some(matched) if progress.sent - matched <= REPEATED_ENTRIES => matched,
            _ => progress.sent,
        };
        if after < base {
            progress.install_sent_at = Some(now);
            progress.sent = self.committed;
            let at = self.committed_position();
            let install =
                InstallSnapshot { stamp: self.stamp(incarnation), round, at, store: self.store.image() };
            self.send(name, install);
            return;
        }
        let entries = self.log.behind(after, MOST_ENTRIES);
        progress.sent = after + entries.len() as u64;
        self.send_entries(name, incarnation, round, entries, after);
    }

    fn send_entries(
        &mut self,
        name: &NodeId,
        incarnation: u64,
        round: u64,
        entries: Vec<super::Entry>,
        after: u64,
    ) {
        let term = self.log.term_at(after).expect("entries are sent after one that is in the log");
        let after = Position { index: after, term };
        let stamp = self.stamp(incarnation);
        self.send(name, AppendEntries { stamp, round, after, entries, committed: self.committed });
    }

    fn committed_position(&self) -> Position {
        let term = self.log.term_at(self.committed).expect("what is committed is in the log or its base");
        Position { index: self.committed, term }
    }

    /// Takes a leader's entries.
    pub(super) fn append_entries(&mut self, from: &NodeId, append: AppendEntries) {
        let AppendEntries { stamp, round, after, entries, committed } = append;
        if !self.accept_leader(from, stamp, round) {
            return;
        }
        match self.log.accept(after, entries, self.committed) {
            Ok(matched) => {
                self.commit(committed.min(matched).max(self.committed));
                self.answer(from, stamp, round, Ok(matched));
            }
            Err(misfit) => self.answer(from, stamp, round, Err(misfit)),
        }
    }

    /// Takes a leader's whole store, unless this node is as far already.
    pub(super) fn install_snapshot(&mut self, from: &NodeId, install: InstallSnapshot) {
        let InstallSnapshot { stamp, round, at, store } = install;
        if !self.accept_leader(from, stamp, round) {
            return;
        }
        if self.log.term_at(at.index) == Some(at.term) {
            // The log has all that the store has, and what lies behind it may have been acknowledged: it must stay.
            self.commit(at.index);
        } else if at.index > self.committed {
            self.store = Store::from(store);
            self.log = Log::after_snapshot(at, self.store.members().clone());
            self.committed = at.index;
            for (number, outcome) in self.store.outcomes_of(&self.me) {
                let id = crate::store::CommandId { origin: self.me.clone(), number };
                self.effects.push(Effect::Done { id, outcome: outcome.clone() });
            }
        }
        self.answer(from, stamp, round, Ok(at.index));
    }

    /// Follows the sender, if it leads the present term.
    fn accept_leader(&mut self, from: &NodeId, stamp: Stamp, round: u64) -> bool {
        if stamp.term < self.term {
            // Tells the sender that its term is over.
            self.answer(from, stamp, round, Err(LogMismatch { try_after: 0 }));
            return false;
        }
        self.follow();
        self.set_leader(Some(Member { name: from.clone(), incarnation: stamp.from }));
        self.leader_heard_at = self.now;
        self.patience = self.tuning.election_timeout;
        self.reset_election_timer();
        true
    }

    fn answer(&mut self, to: &NodeId, asked: Stamp, round: u64, result: Result<u64, LogMismatch>) {
        let stamp = self.stamp(asked.from);
        let (matched, try_after) = match result {
            Ok(matched) => (Some(matched), 0),
            Err(misfit) => (None, misfit.try_after),
        };
        self.send(to, AppendResponse { stamp, round, matched, try_after });
    }

    /// Learns how far another node is.
    pub(super) fn count_append_response(&mut self, from: &NodeId, response: AppendResponse) {
        let Role::Leader(leadership) = &mut self.role else { return };
        let other = Member { name: from.clone(), incarnation: response.stamp.from };
        let Some(progress) = leadership.progress(&other) else { return };
        if response.stamp.term < self.term {
            return;
        }
        progress.heard_at = self.now;
        progress.round = progress.round.max(response.round);
        let lacks_more = match response.matched {
            Some(matched) => {
                progress.matched = progress.matched.max(Some(matched));
                progress.sent = progress.sent.max(matched);
                if progress.install_sent_at.is_some() && matched >= self.log.base().index {
                    progress.install_sent_at = None;
                }
                progress.install_sent_at.is_none() && progress.sent < self.log.last_index()
            }
            // The entries before these may have come in the meantime.
            None if progress.matched > Some(response.try_after) || progress.install_sent_at.is_some() => {
                false
            }
            None => {
                progress.sent = response.try_after;
                true
            }
        };
        if lacks_more && !leadership.has_unsent {
            self.send_append(&other);
        }
        self.advance();
    }

    /// Commits what a majority holds, lets reads go that a majority has confirmed, and sees to the newcomers.
    pub(super) fn advance(&mut self) {
        let Role::Leader(leadership) = &self.role else { return };
        let matched = |name: &NodeId| match leadership.followers.get(name) {
            Some(follower) => follower.matched.unwrap_or(0),
            None => self.log.last_index(),
        };
        let held = self.log.members().reached_by_majority(matched);
        // An entry of a former term is committed only through one of this term behind it (Raft, §5.4.2).
        if held > self.committed && held >= leadership.first_index {
            self.commit(held);
        }
        self.release_reads();
        self.promote_learner();
    }

    fn release_reads(&mut self) {
        let Role::Leader(leadership) = &mut self.role else { return };
        let own_round = leadership.round;
        let answered =
            |name: &NodeId| leadership.followers.get(name).map_or(own_round, |follower| follower.round);
        let confirmed = self.log.members().reached_by_majority(answered);
        while let Some(read) = leadership.reads.front()
            && read.round <= confirmed
            && read.index <= self.committed
        {
            self.effects.push(Effect::ReadReady(read.number));
            leadership.reads.pop_front();
        }
    }

    /// Gives up the reads of a leader that leads no longer.
    pub(super) fn drop_reads(&mut self) {
        if let Role::Leader(leadership) = &mut self.role {
            let lost = leadership.reads.drain(..).map(|read| Effect::ReadDropped(read.number));
            self.effects.extend(lost);
        }
    }
}
