//! Consensus on one order of commands: Raft (Ongaro and Ousterhout, *In Search of an Understandable Consensus
//! Algorithm*, 2014), for members that live once.
//!
//! [`Raft`] does no I/O and reads no clock: messages and time go in, [`Effect`]s come out. In plain words:
//!
//! 1. **Bootstrap** (`bootstrap`). A node that starts knows of no past. It draws a random incarnation and looks for its
//!    cluster. Only if *no* node is in a cluster may the first of them found one; otherwise the leader adds the node.
//! 2. **Election** (`election`). Members that hear no leader ask for votes, after a pre-vote, so that a node which was
//!    cut off does not unseat a leader that the others hear (Ongaro 2014, §9.6). One vote a term and member, and
//!    only for a log that is no shorter than the voter's: so a leader has every committed entry.
//! 3. **Replication** (`replication`). The leader sends its entries; what a majority holds is committed and carried
//!    out. A follower that lacks more than the leader still has gets the whole store.
//! 4. **Reading** (`replication`). A read waits until a majority has answered a message that the leader sent after
//!    the read came. So no other leader had been elected when it came, and what was committed then is all there
//!    was (Ongaro 2014, §6.4). No lease, no clock.
//! 5. **Membership** (`learners`). The leader brings a newcomer up to date as a learner, removes the former life of its name from the
//!    members, and then adds the new one; each is an entry of the log (Ongaro 2014, §4).
//!
//! # Why a new life is a new member
//!
//! Without stable storage, a node that comes back under its old identity can vote twice in a term, or acknowledge
//! entries that its former self has promised to a later leader: the recovery protocol of Viewstamped Replication
//! Revisited (Liskov and Cowling 2012, §4.3) goes wrong where messages from before the crash arrive after it
//! (Michael, Ports, Sharma and Szekeres, *Recovering Shared Objects Without Stable Storage*, DISC 2017). Here every
//! message names the lives that it goes between, and a vote counts for the life that gave it. A life that has ended is nothing but a
//! server that has stopped for good, so Raft's proofs hold as they are.
//!
//! # Why only one cluster is ever founded, unless a majority forgets
//!
//! See `bootstrap`.

mod bootstrap;
mod election;
mod learners;
mod log;
mod membership;
mod message;
mod replication;
#[cfg(test)]
mod tests;

use std::time::Duration;

use glomers_node::{NodeId, Random, Time};

use self::bootstrap::Discovery;
use self::election::Campaign;
use self::replication::Leadership;
use crate::store::{Command, CommandId, Outcome, Store};

pub use self::log::{Entry, Log, LogMismatch, Payload, Position};
pub use self::membership::{Member, Membership};
pub use self::message::{
    AcceptCluster, AppendEntries, AppendResponse, ClusterExists, Discover, InstallSnapshot, Message,
    NoCluster, ProposeCluster, Removed, RequestVote, Stamp, Vote,
};

/// How patient a node is, and how much it keeps. None of it matters to what is promised.
#[derive(Debug, Clone, Copy)]
pub struct Tuning {
    /// How often a leader speaks to everybody, even if it has nothing to say.
    pub heartbeat: Duration,
    /// How long a member waits for a leader before it asks for votes; up to twice as long, at random. Campaigns
    /// that fail make it more patient, for networks slower than this.
    pub election_timeout: Duration,
    /// How many entries that have been carried out are kept before the log is compacted.
    pub compact_at: u64,
    /// How many of them remain, for members that are a little behind.
    pub kept_entries: u64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(100),
            election_timeout: Duration::from_millis(400),
            compact_at: 4096,
            kept_entries: 1024,
        }
    }
}

/// One life of a node.
#[derive(Debug)]
pub struct Raft {
    me: Member,
    peers: Vec<NodeId>,
    tuning: Tuning,
    random: Random,
    now: Time,
    /// The cluster that this life has joined, for good.
    cluster: Option<u64>,
    term: u64,
    voted_for: Option<Member>,
    leader: Option<Member>,
    leader_heard_at: Time,
    log: Log,
    /// Up to where the log is committed and carried out.
    committed: u64,
    store: Store,
    role: Role,
    /// When something must be done though nobody says anything.
    due: Time,
    /// How long a campaign may take before the next one.
    patience: Duration,
    effects: Vec<Effect>,
}

#[derive(Debug)]
enum Role {
    Discovering(Discovery),
    Follower,
    Candidate(Campaign),
    Leader(Leadership),
}

/// What is to be done outside.
#[derive(Debug)]
pub enum Effect {
    /// Send this.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: Message,
    },
    /// A command has been carried out. Told on every member.
    Done {
        /// Which.
        id: CommandId,
        /// What its client gets.
        outcome: Outcome,
    },
    /// The store may be read for the read with this number, now.
    ReadReady(u64),
    /// This node leads no longer, so the read with this number must be asked for again.
    ReadDropped(u64),
    /// There is another leader, or none, or one where there was none.
    LeaderChanged,
    /// This node has begun a new life: what it has sent under the former one may be done or not.
    NewIncarnation,
}

/// Only the leader can do that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotLeading;

impl Raft {
    /// A life that begins, among these nodes. [`tick`](Self::tick) it.
    pub fn new(name: NodeId, mut peers: Vec<NodeId>, tuning: Tuning, mut random: Random, now: Time) -> Self {
        peers.retain(|peer| *peer != name);
        let me = Member { name, incarnation: draw_incarnation(&mut random) };
        Self {
            me,
            peers,
            tuning,
            random,
            now,
            cluster: None,
            term: 0,
            voted_for: None,
            leader: None,
            leader_heard_at: now,
            log: Log::default(),
            committed: 0,
            store: Store::default(),
            role: Role::Discovering(Discovery::default()),
            due: now,
            patience: tuning.election_timeout,
            effects: Vec::new(),
        }
    }

    /// This life.
    pub fn me(&self) -> &Member {
        &self.me
    }

    /// Who leads, as far as this node knows.
    pub fn leader(&self) -> Option<&Member> {
        self.leader.as_ref()
    }

    /// Whether this node leads, as far as it knows.
    pub fn is_leading(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// Whether this life takes part in elections and its commands count.
    pub fn is_member(&self) -> bool {
        self.log.members().contains(&self.me)
    }

    /// The store with every committed command carried out.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Up to where the log is committed and carried out.
    pub fn committed(&self) -> u64 {
        self.committed
    }

    /// The term that this node is in.
    pub fn term(&self) -> u64 {
        self.term
    }

    /// When to call [`tick`](Self::tick) at the latest.
    pub fn due(&self) -> Time {
        self.due
    }

    /// What is to be done outside since the last call, in order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Adds a command at the end of the leader's log. It is sent with the next [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`NotLeading`]; the command is then in no log by this call.
    pub fn propose(&mut self, command: Command) -> Result<(), NotLeading> {
        let Role::Leader(leadership) = &mut self.role else { return Err(NotLeading) };
        self.log.push(Entry { term: self.term, payload: Payload::Command(command) });
        leadership.has_unsent = true;
        Ok(())
    }

    /// Asks for the right to read the store: [`Effect::ReadReady`] follows, or [`Effect::ReadDropped`].
    ///
    /// # Errors
    /// [`NotLeading`].
    pub fn read(&mut self, number: u64) -> Result<(), NotLeading> {
        let Role::Leader(leadership) = &mut self.role else { return Err(NotLeading) };
        leadership.add_read(number, self.committed);
        Ok(())
    }

    /// Whether [`flush`](Self::flush) has something to send.
    pub fn has_unsent(&self) -> bool {
        matches!(&self.role, Role::Leader(leadership) if leadership.has_unsent)
    }

    /// Sends what has been proposed and asked since the last time: one message for each follower, however much it is.
    pub fn flush(&mut self, now: Time) {
        self.now = now.max(self.now);
        if self.has_unsent() {
            self.send_append_to_all();
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Time) {
        self.now = now.max(self.now);
        if self.now < self.due {
            return;
        }
        match self.role {
            Role::Discovering(_) => self.continue_discovery(),
            Role::Follower | Role::Candidate(_) => self.start_election(),
            Role::Leader(_) => self.heartbeat(),
        }
    }

    /// Takes a message. One that is for another life, another cluster or a former term changes nothing.
    pub fn receive(&mut self, now: Time, from: &NodeId, message: Message) {
        self.now = now.max(self.now);
        if let Some(stamp) = message.stamp().copied() {
            if !self.accepts(from, stamp) {
                return;
            }
            if stamp.term > self.term {
                self.enter_term(stamp.term);
            }
        }
        match message {
            Message::Discover(discover) => self.answer_discover(from, discover),
            Message::NoCluster(no_cluster) => self.count_no_cluster(from, no_cluster),
            Message::ProposeCluster(proposal) => self.accept_cluster(from, proposal),
            Message::AcceptCluster(acceptance) => self.count_accept_cluster(from, acceptance),
            Message::ClusterExists(existing) => self.learn_of_cluster(existing),
            Message::Removed(removed) => self.be_removed(removed),
            Message::RequestVote(request) => self.decide_vote(from, request),
            Message::Vote(vote) => self.count_vote(from, vote),
            Message::AppendEntries(append) => self.append_entries(from, append),
            Message::InstallSnapshot(install) => self.install_snapshot(from, install),
            Message::AppendResponse(response) => self.count_append_response(from, response),
        }
    }

    fn send(&mut self, to: &NodeId, message: impl Into<Message>) {
        self.effects.push(Effect::Send { to: to.clone(), message: message.into() });
    }

    /// The stamp of a message to one life.
    fn stamp(&self, to: u64) -> Stamp {
        Stamp {
            cluster: self.cluster.expect("a node without a cluster stamps nothing"),
            is_established: self.committed > 0,
            from: self.me.incarnation,
            to,
            term: self.term,
        }
    }

    /// Carries out what is committed now, and compacts the log when it has become long.
    fn commit(&mut self, up_to: u64) {
        for index in self.committed + 1..=up_to {
            let entry = self.log.get(index).expect("what is committed is in the log");
            match &entry.payload {
                Payload::LeaderBegins => {}
                Payload::Members(members) => self.store.set_members(members.clone()),
                Payload::Command(command) => {
                    if let Some(outcome) = self.store.apply(command) {
                        self.effects.push(Effect::Done { id: command.id.clone(), outcome });
                    }
                }
            }
        }
        self.committed = self.committed.max(up_to);
        if self.committed - self.log.base().index > self.tuning.compact_at {
            self.log.compact(self.committed - self.tuning.kept_entries);
        }
    }

    fn set_leader(&mut self, leader: Option<Member>) {
        if self.leader != leader {
            self.leader = leader;
            self.effects.push(Effect::LeaderChanged);
        }
    }

    /// From once to twice a duration, so that nodes which wait together do not go on together.
    fn scattered(&mut self, duration: Duration) -> Duration {
        duration.mul_f64(1.0 + self.random.f64())
    }
}

/// A number that no life of any node has drawn: with 52 random bits, a thousand lives meet once in ten billion runs.
fn draw_incarnation(random: &mut Random) -> u64 {
    random.next_u64() >> 12
}
