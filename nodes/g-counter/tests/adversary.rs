//! The counter over the worst store that keeps the promise of `seq-kv`.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use g_counter::{Add, GCounterServer, Read};
use glomers_node::{
    ErrorCode, NodeId, RawValue, Router, RpcError,
    services::{self, Cas, CasOk, ReadOk, Write, WriteOk},
    testing::Cluster,
};

type State = BTreeMap<String, Box<RawValue>>;

/// Shows everybody the oldest state that it may, whenever it may, and loses the first answer to each change.
#[derive(Clone)]
struct Adversary {
    states: Rc<RefCell<Vec<State>>>,
    /// The last state that each client was shown.
    shown: Rc<RefCell<BTreeMap<NodeId, usize>>>,
    loses_answers: Rc<Cell<bool>>,
}

/// What a request makes of a state: its value, or an error, and in place of the first what is under the key afterwards.
type Effect = Result<Option<(String, Box<RawValue>)>, RpcError>;

impl Adversary {
    fn router(&self) -> Router<Self> {
        Router::new(self.clone()).on_from(Self::read).on_from(Self::write).on_from(Self::cas)
    }

    /// Carries out a request on the state last shown where it changes nothing there, else on the newest.
    fn act(&self, client: NodeId, effect: impl Fn(&State) -> Effect) -> Result<(), RpcError> {
        let mut states = self.states.borrow_mut();
        let mut shown = self.shown.borrow_mut();
        let last_shown = shown.entry(client).or_default();
        let is_change = |state: &State| match effect(state) {
            Ok(Some((key, value))) => state.get(&key).is_none_or(|former| former.get() != value.get()),
            _ => false,
        };
        if !is_change(&states[*last_shown]) {
            return effect(&states[*last_shown]).map(|_| ());
        }
        *last_shown = states.len() - 1;
        let mut newest = states[*last_shown].clone();
        if let Some((key, value)) = effect(&newest)? {
            newest.insert(key, value);
            *last_shown = states.len();
            states.push(newest);
            if self.loses_answers.replace(!self.loses_answers.get()) {
                return Err(RpcError::new(ErrorCode::TIMEOUT, "the answer was lost"));
            }
        }
        Ok(())
    }

    async fn read(&self, client: NodeId, request: services::Read) -> Result<ReadOk, RpcError> {
        self.act(client.clone(), |_| Ok(None))?;
        let value = self.states.borrow()[self.shown.borrow()[&client]].get(request.key.get()).cloned();
        let missing = || RpcError::new(ErrorCode::KEY_DOES_NOT_EXIST, "there is no such key");
        Ok(ReadOk { value: value.ok_or_else(missing)? })
    }

    async fn write(&self, client: NodeId, request: Write) -> Result<WriteOk, RpcError> {
        self.act(client, |_| Ok(Some((request.key.get().to_owned(), request.value.clone()))))?;
        Ok(WriteOk {})
    }

    async fn cas(&self, client: NodeId, request: Cas) -> Result<CasOk, RpcError> {
        self.act(client, |state| {
            let fits = match state.get(request.key.get()) {
                Some(value) => value.get() == request.from.get(),
                None => request.create_if_not_exists,
            };
            let refused = || RpcError::new(ErrorCode::PRECONDITION_FAILED, "another value is there");
            fits.then(|| Some((request.key.get().to_owned(), request.to.clone()))).ok_or_else(refused)
        })?;
        Ok(CasOk {})
    }
}

const NAMES: [&str; 3] = ["n0", "n1", "n2"];

fn cluster(loses_answers: bool) -> Cluster {
    let adversary = Adversary {
        states: Rc::new(RefCell::new(vec![State::new()])),
        shown: Rc::default(),
        loses_answers: Rc::new(Cell::new(loses_answers)),
    };
    let mut cluster = Cluster::empty();
    cluster.add("seq-kv", |_| adversary.router());
    cluster.start(&NAMES, GCounterServer::router);
    cluster
}

fn read(cluster: &mut Cluster, node: &str) -> u128 {
    cluster.call(node, Read {}).expect("a node says what it has").value
}

#[test]
fn every_read_counts_all_that_was_acknowledged_before_it() {
    for loses_answers in [false, true] {
        let mut cluster = cluster(loses_answers);
        let mut expected = 0;
        for (delta, node) in (0..30).zip(NAMES.iter().cycle()) {
            cluster.call(*node, Add { delta }).expect("a node takes what it is given");
            expected += u128::from(delta);
            for node in NAMES {
                assert_eq!(read(&mut cluster, node), expected, "{node} after {delta} was added");
            }
        }
    }
}

#[test]
fn what_a_node_added_before_it_was_killed_counts_once() {
    let mut cluster = cluster(true);
    for life in 1..=5 {
        cluster.call("n0", Add { delta: 10 }).expect("a node takes what it is given");
        cluster.restart("n0", GCounterServer::router);
        for node in NAMES {
            assert_eq!(read(&mut cluster, node), 10 * life);
        }
    }
}

#[test]
fn an_add_that_was_cut_off_in_the_middle_counts_once_when_the_cut_is_healed() {
    let mut cluster = cluster(false);
    cluster.call("n0", Add { delta: 1 }).expect("a node takes what it is given");
    cluster.cut("n0", "seq-kv");
    assert!(cluster.call("n0", Add { delta: 10 }).is_err());
    cluster.heal();
    cluster.advance(Duration::from_secs(3));
    for node in NAMES {
        assert_eq!(read(&mut cluster, node), 11);
    }
}

#[test]
fn a_negative_delta_is_refused() {
    let mut harness = glomers_node::testing::Harness::new("n0", &["n0"], GCounterServer::router);
    let sent = harness.send_line(r#"{"src":"c1","dest":"n0","body":{"type":"add","msg_id":1,"delta":-1}}"#);
    assert!(sent[0].contains(&format!("\"code\":{}", ErrorCode::MALFORMED_REQUEST.0)), "{sent:?}");
}
