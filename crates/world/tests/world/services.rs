//! The services as nodes meet them: over the network, in virtual and in real time.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use glomers_node::services::{Cas, Read, Ts, Write};
use glomers_node::{CoreOptions, ErrorCode, NodeCore, NodeId, Router, RpcError, messages};
use glomers_world::{ClockKind, HostIndex, HostRole, Latency, Partition, WorldOptions, services};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::cluster::{Cluster, real, simulated};

fn raw(value: impl Serialize) -> Box<RawValue> {
    to_raw_value(&value).expect("the value is JSON")
}

fn cluster(options: WorldOptions) -> Cluster {
    let mut cluster = Cluster::start(options, 0);
    cluster.world.add_services();
    cluster
}

fn on_both(check: impl Fn(&mut Cluster)) {
    check(&mut cluster(simulated(1)));
    check(&mut cluster(real()));
}

fn refusal<T: std::fmt::Debug>(result: Result<T, RpcError>) -> (ErrorCode, String) {
    let error = result.expect_err("the service refuses");
    (error.code, error.text)
}

#[test]
fn every_store_reads_writes_and_compares() {
    on_both(|cluster| {
        for store in ["lin-kv", "seq-kv", "lww-kv"] {
            let (key, value) = (raw(["k"]), raw(u64::MAX));
            let missing = refusal(cluster.ask(store, Read { key: raw("none") }));
            assert_eq!(missing, (ErrorCode::KEY_DOES_NOT_EXIST, "key \"none\" does not exist".into()));
            let is_lww = store == "lww-kv";
            cluster.ask(store, Write { key: key.clone(), value }).expect("a write always succeeds");
            if is_lww {
                // Any write to both replicas would do; the second replica has the first one's once they have merged.
                while cluster.ask(store, Read { key: key.clone() }).is_err() {}
                for _ in 0..20 {
                    let _ = cluster.ask(store, Read { key: key.clone() });
                }
            }
            let read = cluster.ask(store, Read { key: key.clone() }).expect("the key exists");
            assert_eq!(read.value.get(), "18446744073709551615");
            let cas =
                |from: u64| Cas { key: raw(["k"]), from: raw(from), to: raw(2), create_if_not_exists: false };
            let refused = refusal(cluster.ask(store, cas(1)));
            let text = "current value 18446744073709551615 of key [\"k\"] is not 1";
            assert_eq!(refused, (ErrorCode::PRECONDITION_FAILED, text.into()));
            cluster.ask(store, cas(u64::MAX)).expect("the value is the expected one");
            let create = Cas { key: raw("new"), from: raw(0), to: raw(1), create_if_not_exists: true };
            let created = cluster.ask(store, create);
            assert_eq!(created.is_err(), is_lww, "{store}: {created:?}");
        }
        let stamps: Vec<u64> =
            (0..3).map(|_| cluster.ask("lin-tso", Ts {}).expect("the oracle answers").ts).collect();
        assert_eq!(stamps, [0, 1, 2]);
    });
}

/// A request that no service knows, and one that lacks its key.
#[derive(Debug, Serialize, Deserialize)]
struct Increment {}
#[derive(Debug, Serialize, Deserialize)]
struct KeylessRead {}
#[derive(Debug, Serialize, Deserialize)]
struct Never {}
messages! {
    "increment" Increment => "never" Never;
    "read" KeylessRead => Never;
}

#[test]
fn a_request_that_makes_no_sense_is_refused_with_the_reason() {
    on_both(|cluster| {
        for service in services::ALL {
            let (code, text) = refusal(cluster.ask(service.name, Increment {}));
            assert_eq!(code, ErrorCode::NOT_SUPPORTED);
            assert!(
                text.starts_with(&format!("{} does not know `increment`; it knows", service.name)),
                "{text}"
            );
        }
        let (code, text) = refusal(cluster.ask("lin-kv", KeylessRead {}));
        assert_eq!(code, ErrorCode::MALFORMED_REQUEST);
        assert!(text.contains("missing field `key`"), "{text}");
    });
}

/// A node under test that does only what it is told through the world.
fn add_bystander(cluster: &mut Cluster, id: &str) -> HostIndex {
    let options = CoreOptions { random: cluster.world.random(id) };
    let core = NodeCore::started(options, NodeId::from(id), Vec::new(), |_| Router::new(()));
    cluster.world.add_local(NodeId::from(id), HostRole::Node, core)
}

/// One node counts up under a key while another reads it; returns what was read.
fn reads_beside_a_writer(service: &'static str, seed: u64) -> (Vec<u64>, u64) {
    let latency = Latency::constant_ms(5.0);
    let mut cluster = cluster(WorldOptions { latency, ..simulated(seed) });
    let (writer, reader) = (add_bystander(&mut cluster, "n0"), add_bystander(&mut cluster, "n1"));
    let reads = Rc::new(RefCell::new(Vec::new()));
    for host in [writer, reader] {
        let node = cluster.world.node(host).expect("the node is a core").clone();
        let sink = Rc::clone(&reads);
        cluster.world.spawn(host, async move {
            for count in 0..20_u64 {
                if host == writer {
                    let request = Write { key: raw("count"), value: raw(count) };
                    node.rpc(service, request).await.expect("a write always succeeds");
                } else if let Ok(reply) = node.rpc(service, Read { key: raw("count") }).await {
                    sink.borrow_mut().push(reply.value.get().parse().expect("a number was written"));
                }
            }
        });
    }
    cluster.settle(Duration::from_secs(1));
    let reads = reads.borrow().clone();
    (reads, cluster.finish().0.trace_hash)
}

#[test]
fn a_seed_fixes_what_the_services_draw() {
    for service in ["seq-kv", "lww-kv"] {
        assert_eq!(reads_beside_a_writer(service, 3), reads_beside_a_writer(service, 3));
        assert_ne!(reads_beside_a_writer(service, 3).0, reads_beside_a_writer(service, 4).0);
    }
}

#[test]
fn time_runs_backwards_for_clients_of_lww_kv_alone() {
    let has_run_backwards = |service| (0..20).any(|seed| !reads_beside_a_writer(service, seed).0.is_sorted());
    assert!(!has_run_backwards("lin-kv"));
    assert!(!has_run_backwards("seq-kv"));
    assert!(has_run_backwards("lww-kv"));
}

#[test]
fn a_service_draws_from_a_stream_of_its_own() {
    let answers = |is_disturbed: bool| {
        let mut cluster = cluster(simulated(7));
        let mut answers = Vec::new();
        for count in 0..30_u64 {
            let write = || Write { key: raw("x"), value: raw(count) };
            if is_disturbed {
                cluster.ask("lww-kv", write()).expect("a write always succeeds");
            }
            cluster.ask("seq-kv", write()).expect("a write always succeeds");
            // Whoever comes for the first time may be shown any state.
            let writer = cluster.client;
            cluster.client = add_bystander(&mut cluster, &format!("n{count}"));
            answers.push(cluster.ask("seq-kv", Read { key: raw("x") }).map(|reply| reply.value.to_string()));
            cluster.client = writer;
        }
        answers
    };
    assert_eq!(answers(false), answers(true));
    assert!(answers(false).iter().any(Result::is_err));
    assert!(answers(false).iter().any(Result::is_ok));
}

#[test]
fn no_partition_cuts_a_service_off() {
    let mut cluster = cluster(simulated(1));
    assert_eq!(cluster.world.options().clock, ClockKind::Virtual);
    let node = add_bystander(&mut cluster, "n0");
    let links = ["lin-kv", "n0"].map(NodeId::from);
    cluster.world.install_rule(Partition::between(&links.map(|id| vec![id])));
    let handle = cluster.world.node(node).expect("the node is a core").clone();
    let is_answered = Rc::new(RefCell::new(false));
    let sink = Rc::clone(&is_answered);
    cluster.world.spawn(node, async move {
        handle.rpc("lin-tso", Ts {}).await.expect("the oracle answers");
        handle.lin_kv().write("x", 1).await.expect("a write always succeeds");
        *sink.borrow_mut() = true;
    });
    cluster.settle(Duration::from_secs(1));
    assert!(*is_answered.borrow());
}
