//! The node: clients are answered, the log's messages go in and out, and time passes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use glomers_node::services::{Cas, CasOk, Read, ReadOk, Write, WriteOk};
use glomers_node::{Alarm, Body, ErrorCode, Json, Node, NodeId, Router, RpcError, messages};
use serde::{Deserialize, Serialize};

use crate::raft::{
    AcceptCluster, AppendEntries, AppendResponse, ClusterExists, Discover, Effect, InstallSnapshot, Member,
    Message, NoCluster, ProposeCluster, Raft, Removed, RequestVote, Tuning, Vote,
};
use crate::requests::{Operation, Requests};
use crate::store::{Change, Command, CommandId, Outcome};

/// What is sent to the leader waits this long, so that all that came in one burst goes out as one message.
const END_OF_BURST: Duration = Duration::from_nanos(1);

/// A node passes a client's request on to the leader.
#[derive(Debug, Serialize, Deserialize)]
struct Forward {
    /// The sender's life.
    from: u64,
    /// The leader's life.
    to: u64,
    /// The sender's number for the request.
    number: u64,
    /// The sender waits for no request with a lower number.
    finished_below: u64,
    /// What the client wants.
    operation: Operation,
}

/// The leader passes the outcome back.
#[derive(Debug, Serialize, Deserialize)]
struct Outcomes {
    /// The life that asked.
    to: u64,
    /// Its number for the request.
    number: u64,
    /// What its client gets.
    outcome: Outcome,
}

messages! {
    "forward" Forward;
    "outcome" Outcomes;
}

/// A node of the store. Cheap to clone; all clones are the same node.
#[derive(Debug, Clone)]
pub struct LinKvServer {
    node: Node,
    state: Rc<RefCell<State>>,
    /// When the log or a request needs something, at the latest.
    deadline: Rc<Alarm>,
    /// When what is to be replicated is sent.
    end_of_burst: Rc<Alarm>,
}

#[derive(Debug)]
struct State {
    raft: Raft,
    requests: Requests,
    /// The reads that this node has asked its log about, as the leader.
    reads: BTreeMap<u64, PendingRead>,
    read_count: u64,
}

#[derive(Debug)]
struct PendingRead {
    id: CommandId,
    key: Json,
}

impl LinKvServer {
    /// The server with all its handlers.
    pub fn router(node: Node) -> Router<Self> {
        Self::tuned_router(node, Tuning::default())
    }

    /// As [`router`](Self::router), with other timeouts and limits.
    pub fn tuned_router(node: Node, tuning: Tuning) -> Router<Self> {
        Router::new(Self::new(node, tuning))
            .on(Self::read)
            .on(Self::write)
            .on(Self::cas)
            .on_notice(Self::forwarded)
            .on_notice(Self::answered)
            .on_notice(Self::receive::<Discover>)
            .on_notice(Self::receive::<NoCluster>)
            .on_notice(Self::receive::<ProposeCluster>)
            .on_notice(Self::receive::<AcceptCluster>)
            .on_notice(Self::receive::<ClusterExists>)
            .on_notice(Self::receive::<Removed>)
            .on_notice(Self::receive::<RequestVote>)
            .on_notice(Self::receive::<Vote>)
            .on_notice(Self::receive::<AppendEntries>)
            .on_notice(Self::receive::<InstallSnapshot>)
            .on_notice(Self::receive::<AppendResponse>)
    }

    fn new(node: Node, tuning: Tuning) -> Self {
        let random = node.rng().fork("raft");
        let raft = Raft::new(node.id().clone(), node.node_ids().to_vec(), tuning, random, node.now());
        let state = State { raft, requests: Requests::default(), reads: BTreeMap::new(), read_count: 0 };
        let (deadline, end_of_burst) = (Rc::new(Alarm::new(&node)), Rc::new(Alarm::new(&node)));
        let server = Self { node, state: Rc::new(RefCell::new(state)), deadline, end_of_burst };
        let (waking, flushing) = (server.clone(), server.clone());
        server.node.spawn(async move {
            loop {
                waking.deadline.rings().await;
                waking.wake();
            }
        });
        server.node.spawn(async move {
            loop {
                flushing.end_of_burst.rings().await;
                flushing.flush();
            }
        });
        server.settle();
        server
    }

    async fn read(&self, request: Read) -> Result<ReadOk, RpcError> {
        match self.ask(Operation::Read(Json::new(request.key))).await? {
            Outcome::Value(value) => Ok(ReadOk { value: value.to_raw() }),
            outcome => Err(unexpected(&outcome)),
        }
    }

    async fn write(&self, request: Write) -> Result<WriteOk, RpcError> {
        let change = Change::Write { key: Json::new(request.key), value: Json::new(request.value) };
        self.ask(Operation::Change(change)).await.map(|_| WriteOk {})
    }

    async fn cas(&self, request: Cas) -> Result<CasOk, RpcError> {
        let change = Change::Cas {
            key: Json::new(request.key),
            from: Json::new(request.from),
            to: Json::new(request.to),
            creates: request.create_if_not_exists,
        };
        self.ask(Operation::Change(change)).await.map(|_| CasOk {})
    }

    /// Waits for the outcome of a client's operation, which never is [`Outcome::Failed`].
    async fn ask(&self, operation: Operation) -> Result<Outcome, RpcError> {
        let (number, answer) = self.state.borrow_mut().requests.open(operation, self.node.now());
        self.send_to_leader(number);
        self.settle();
        match answer.await {
            Ok(Outcome::Failed(error)) => Err(error),
            Ok(outcome) => Ok(outcome),
            Err(_) => unreachable!("a request is given up with an answer"),
        }
    }

    /// Sends a client's request to the leader, if there is one and this life may do so.
    fn send_to_leader(&self, number: u64) {
        let state = &mut *self.state.borrow_mut();
        let Some(leader) = state.raft.leader().cloned() else { return };
        // A node that is not a member has no session, so its command might be carried out twice.
        if state.requests.is_change(number) && !state.raft.is_member() {
            return;
        }
        let Some(operation) = state.requests.send(number, self.node.now()) else { return };
        let finished_below = state.requests.finished_below();
        let me = state.raft.me().clone();
        if leader == me {
            let id = CommandId { origin: me, number };
            state.carry_out(id, finished_below, operation);
        } else {
            let forward =
                Forward { from: me.incarnation, to: leader.incarnation, number, finished_below, operation };
            self.node.send(leader.name, &forward);
        }
    }

    async fn forwarded(&self, from: NodeId, forward: Forward) {
        let Forward { from: incarnation, to, number, finished_below, operation } = forward;
        {
            let state = &mut *self.state.borrow_mut();
            if to != state.raft.me().incarnation {
                return;
            }
            let id = CommandId { origin: Member { name: from, incarnation }, number };
            state.carry_out(id, finished_below, operation);
        }
        self.settle();
    }

    async fn answered(&self, _from: NodeId, outcome: Outcomes) {
        let state = &mut *self.state.borrow_mut();
        if outcome.to == state.raft.me().incarnation {
            state.requests.finish(outcome.number, outcome.outcome);
        }
    }

    async fn receive<M: Body + Into<Message>>(&self, from: NodeId, message: M) {
        self.state.borrow_mut().raft.receive(self.node.now(), &from, message.into());
        self.settle();
    }

    /// Does what the log asks for, and sets the alarms for what comes next.
    fn settle(&self) {
        loop {
            let effects = self.state.borrow_mut().raft.take_effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                self.bring_about(effect);
            }
        }
        self.set_alarms();
    }

    fn bring_about(&self, effect: Effect) {
        match effect {
            Effect::Send { to, message } => message.send(&self.node, &to),
            Effect::Done { id, outcome } => self.answer(&id, outcome),
            Effect::ReadReady(number) => {
                let (read, outcome) = {
                    let state = &mut *self.state.borrow_mut();
                    let read = state.reads.remove(&number).expect("a read is answered once");
                    let outcome = state.raft.store().read(&read.key);
                    (read, outcome)
                };
                self.answer(&read.id, outcome);
            }
            // The node that asked will ask the next leader.
            Effect::ReadDropped(number) => drop(self.state.borrow_mut().reads.remove(&number)),
            Effect::LeaderChanged => {
                let numbers = self.state.borrow().requests.numbers();
                for number in numbers {
                    self.send_to_leader(number);
                }
            }
            Effect::NewIncarnation => self.state.borrow_mut().requests.give_up_sent_changes(),
        }
    }

    /// Gives an outcome to the client, if it is this node's, or as the leader to the node that asked.
    fn answer(&self, id: &CommandId, outcome: Outcome) {
        let state = &mut *self.state.borrow_mut();
        if id.origin == *state.raft.me() {
            state.requests.finish(id.number, outcome);
        } else if state.raft.is_leading() {
            let outcome = Outcomes { to: id.origin.incarnation, number: id.number, outcome };
            self.node.send(id.origin.name.clone(), &outcome);
        }
    }

    fn set_alarms(&self) {
        let state = self.state.borrow();
        if state.raft.has_unsent() {
            self.end_of_burst.set_no_later_than(self.node.now() + END_OF_BURST);
        }
        let due = state.requests.due().map_or(state.raft.due(), |due| due.min(state.raft.due()));
        self.deadline.set_no_later_than(due);
    }

    fn flush(&self) {
        self.state.borrow_mut().raft.flush(self.node.now());
        self.settle();
    }

    fn wake(&self) {
        let again = {
            let state = &mut *self.state.borrow_mut();
            state.raft.tick(self.node.now());
            state.requests.expire(self.node.now())
        };
        for number in again {
            self.send_to_leader(number);
        }
        self.settle();
    }
}

impl State {
    /// Puts a change into the log, or a read in line. Where this node does not lead, the sender will ask again.
    fn carry_out(&mut self, id: CommandId, finished_below: u64, operation: Operation) {
        match operation {
            Operation::Change(change) => {
                let _ = self.raft.propose(Command { id, finished_below, change });
            }
            Operation::Read(key) => {
                self.read_count += 1;
                if self.raft.read(self.read_count).is_ok() {
                    self.reads.insert(self.read_count, PendingRead { id, key });
                }
            }
        }
    }
}

/// The outcome of a read is a value or an error.
fn unexpected(outcome: &Outcome) -> RpcError {
    RpcError::new(ErrorCode::CRASH, format!("a read came to {outcome:?}"))
}
