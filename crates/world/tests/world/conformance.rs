//! What must hold in virtual time, with cores and with programs in lock step, and in real time, with processes.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use glomers_node::{NodeId, Random};
use glomers_world::journal::Entry;
use glomers_world::{
    DropReason, Duplication, HostRole, Latency, Loss, Packet, Partition, Rule, Verdict, WorldOptions,
};

use crate::cluster::{Cluster, Echo, Heard, Tell, add_client, in_lockstep, real, simulated};

/// Runs one check with each kind of node.
fn with_each_kind(check: impl Fn(WorldOptions)) {
    check(simulated(1));
    check(real());
    in_lockstep(|| check(simulated(1)));
}

fn heard_by(cluster: &mut Cluster, node: &str) -> Vec<u64> {
    cluster.ask(node, Heard {}).expect("the node answers").words
}

#[test]
fn a_request_is_answered_and_every_message_is_in_the_journal() {
    with_each_kind(|options| {
        let mut cluster = Cluster::start(options, 1);
        let reply = cluster.ask("n0", Echo { echo: u64::MAX }).expect("the node answers");
        assert_eq!(reply.echo, u64::MAX);
        let statistics = cluster.world.network_statistics();
        assert_eq!((statistics.clients.send_count, statistics.clients.recv_count), (4, 4));
        assert_eq!((statistics.all.msg_count, statistics.servers.msg_count), (4, 0));
        let (finished, records) = cluster.finish();
        assert_eq!(finished.record_count, records.len() as u64);
        let bodies: Vec<_> = records
            .iter()
            .filter_map(|record| match &record.entry {
                Entry::Sent { src, body, .. } => Some((src.as_str(), body.as_ref())),
                _ => None,
            })
            .collect();
        let reply = r#"{"type":"echo_ok","in_reply_to":2,"echo":18446744073709551615}"#;
        assert!(bodies.contains(&("n0", reply)), "{bodies:?}");
        let delivered =
            records.iter().filter(|record| matches!(record.entry, Entry::Delivered { .. })).count();
        assert_eq!(delivered, 4);
    });
}

#[test]
fn nodes_reach_their_peers_with_latency_and_clients_without() {
    with_each_kind(|options| {
        let latency = Duration::from_millis(40);
        let mut cluster = Cluster::start(WorldOptions { latency: Latency::constant_ms(40.0), ..options }, 3);
        let before = cluster.world.now();
        cluster.ask("n0", Tell { word: 7 }).expect("the node answers");
        assert!(heard_by(&mut cluster, "n1").is_empty());
        cluster.settle(latency + Duration::from_millis(100));
        assert_eq!(heard_by(&mut cluster, "n1"), [7]);
        assert_eq!(heard_by(&mut cluster, "n2"), [7]);
        assert!(cluster.world.now().since(before) >= latency);
        assert_eq!(cluster.world.network_statistics().servers.recv_count, 2);
    });
}

#[test]
fn a_partition_cuts_one_way_until_it_heals() {
    with_each_kind(|options| {
        let mut cluster = Cluster::start(options, 2);
        let rule =
            cluster.world.install_rule(Partition::directed([(NodeId::from("n0"), NodeId::from("n1"))]));
        cluster.ask("n0", Tell { word: 1 }).expect("clients are never cut off");
        cluster.ask("n1", Tell { word: 2 }).expect("clients are never cut off");
        cluster.settle(Duration::from_millis(50));
        assert_eq!(
            (heard_by(&mut cluster, "n0"), heard_by(&mut cluster, "n1")),
            (vec![2], Vec::<u64>::new())
        );
        cluster.world.remove_rule(rule);
        cluster.ask("n0", Tell { word: 3 }).expect("the node answers");
        cluster.settle(Duration::from_millis(50));
        assert_eq!(heard_by(&mut cluster, "n1"), [3]);
        let (_, records) = cluster.finish();
        let entries: Vec<&Entry> = records.iter().map(|record| &record.entry).collect();
        let reasons = |wanted: DropReason| {
            entries
                .iter()
                .filter(|entry| matches!(entry, Entry::Dropped { reason, .. } if *reason == wanted))
                .count()
        };
        assert_eq!(reasons(DropReason::Partition), 1);
        assert!(entries.iter().any(|entry| matches!(entry, Entry::RuleInstalled { description, .. } if description.ends_with("n0 to n1"))));
        assert!(entries.iter().any(|entry| matches!(entry, Entry::RuleRemoved { .. })));
    });
}

#[test]
fn loss_takes_messages_between_nodes_and_duplication_brings_them_twice() {
    with_each_kind(|options| {
        let mut cluster = Cluster::start(options, 2);
        let loss = cluster.world.install_rule(Loss { probability: 1.0 });
        cluster.ask("n0", Tell { word: 1 }).expect("clients lose nothing");
        cluster.world.remove_rule(loss);
        cluster.world.install_rule(Duplication { probability: 1.0, lag: Duration::from_millis(1) });
        cluster.ask("n0", Tell { word: 2 }).expect("the node answers");
        cluster.settle(Duration::from_millis(50));
        assert_eq!(heard_by(&mut cluster, "n1"), [2, 2]);
        let servers = cluster.world.network_statistics().servers;
        assert_eq!((servers.send_count, servers.recv_count, servers.msg_count), (2, 2, 2));
    });
}

#[test]
fn a_paused_node_hears_later_what_it_missed() {
    with_each_kind(|options| {
        let mut cluster = Cluster::start(options, 2);
        let node = cluster.nodes[1];
        cluster.world.pause(node);
        cluster.ask("n0", Tell { word: 5 }).expect("the other node answers");
        cluster.settle(Duration::from_millis(50));
        cluster.world.resume(node);
        assert_eq!(heard_by(&mut cluster, "n1"), [5]);
        assert!(cluster.exits.is_empty());
    });
}

#[test]
fn a_killed_node_forgets_and_can_start_again_under_its_name() {
    with_each_kind(|options| {
        let mut cluster = Cluster::start(options, 2);
        let ids = [NodeId::from("n0"), NodeId::from("n1")];
        cluster.ask("n0", Tell { word: 1 }).expect("the node answers");
        cluster.settle(Duration::from_millis(50));
        cluster.world.kill(cluster.nodes[1]);
        cluster.ask("n0", Tell { word: 2 }).expect("the node answers");
        cluster.settle(Duration::from_millis(50));
        cluster.add_node(ids[1].clone());
        cluster.init(&ids[1], &ids);
        cluster.ask("n0", Tell { word: 3 }).expect("the node answers");
        cluster.settle(Duration::from_millis(50));
        assert_eq!(heard_by(&mut cluster, "n1"), [3]);
        assert!(cluster.exits.is_empty(), "a kill is not an exit of its own: {:?}", cluster.exits);
        let (_, records) = cluster.finish();
        let lost = |record: &&glomers_world::journal::Record| {
            matches!(record.entry, Entry::Dropped { reason: DropReason::DeadHost, .. })
        };
        assert_eq!(records.iter().filter(lost).count(), 1);
    });
}

#[test]
fn a_reply_to_a_client_that_left_is_nobodys_fault() {
    with_each_kind(|options| {
        let mut cluster = Cluster::start(options, 1);
        let hasty = add_client(&mut cluster.world, "c1");
        let node = cluster.world.node(hasty).expect("the client lives").clone();
        cluster.world.spawn(hasty, async move {
            // Nobody is left to hear of the answer.
            let _ = node.rpc("n0", Echo { echo: 1 }).await;
        });
        cluster.world.remove(hasty);
        cluster.settle(Duration::from_millis(50));
        cluster.ask("n0", Echo { echo: 2 }).expect("the node answers");
        assert!(cluster.world.protocol_violations().is_empty());
        let (_, records) = cluster.finish();
        assert!(records.iter().any(|record| {
            matches!(record.entry, Entry::Dropped { reason: DropReason::RemovedHost, .. })
        }));
    });
}

#[test]
fn a_message_to_nobody_is_a_violation_of_its_sender() {
    with_each_kind(|options| {
        let mut cluster = Cluster::start(options, 1);
        let client = cluster.world.node(cluster.client).expect("the client lives").clone();
        client.send("n9", &Tell { word: 1 });
        cluster.ask("n0", Echo { echo: 1 }).expect("the node answers");
        let violations = cluster.world.protocol_violations().kept();
        assert_eq!(violations.len(), 1);
        assert!(violations[0].to_string().contains("Node c0 sent a message to \"n9\""), "{}", violations[0]);
    });
}

#[test]
fn notes_share_the_one_sequence() {
    with_each_kind(|options| {
        let mut cluster = Cluster::start(options, 1);
        let first = cluster.world.append_user_record(b"before");
        cluster.ask("n0", Echo { echo: 1 }).expect("the node answers");
        let second = cluster.world.append_user_record(b"after");
        let (_, records) = cluster.finish();
        assert_eq!(records[first as usize].entry, Entry::UserRecord(b"before".to_vec()));
        assert_eq!(records[second as usize].entry, Entry::UserRecord(b"after".to_vec()));
        assert!(records.iter().enumerate().all(|(place, record)| record.sequence == place as u64));
        assert!(records.is_sorted_by_key(|record| record.time));
        let roles = records
            .iter()
            .filter(|record| matches!(record.entry, Entry::HostAdded { role: HostRole::Node, .. }));
        assert_eq!(roles.count(), 1);
    });
}

/// Counts how often it is asked.
struct Ask(Rc<Cell<u64>>);

impl Rule for Ask {
    fn name(&self) -> &'static str {
        "ask"
    }

    fn description(&self) -> String {
        "counts the messages from node to node that are due".into()
    }

    fn on_deliver(&mut self, packet: &Packet<'_>, _: &mut Random) -> Verdict {
        self.0.set(self.0.get() + u64::from(packet.is_between_nodes()));
        Verdict::Pass
    }
}

#[test]
fn rules_are_asked_of_a_message_to_a_paused_node_when_it_is_due_and_only_then() {
    with_each_kind(|options| {
        let mut cluster = Cluster::start(options, 2);
        let asked = Rc::new(Cell::new(0));
        cluster.world.install_rule(Ask(Rc::clone(&asked)));
        let node = cluster.nodes[1];
        cluster.world.pause(node);
        cluster.ask("n0", Tell { word: 1 }).expect("the other node answers");
        cluster.settle(Duration::from_millis(20));
        assert_eq!(asked.get(), 1);
        let link = Partition::directed([(NodeId::from("n0"), NodeId::from("n1"))]);
        let cut = cluster.world.install_rule(link.clone());
        cluster.ask("n0", Tell { word: 2 }).expect("the other node answers");
        cluster.settle(Duration::from_millis(20));
        cluster.world.remove_rule(cut);
        cluster.ask("n0", Tell { word: 3 }).expect("the other node answers");
        cluster.settle(Duration::from_millis(20));
        let received = cluster.world.network_statistics().servers.recv_count;
        cluster.world.install_rule(link);
        cluster.world.resume(node);
        assert_eq!(heard_by(&mut cluster, "n1"), [1, 3]);
        assert_eq!((asked.get(), received), (3, 0), "a paused node takes nothing");
        assert_eq!(cluster.world.network_statistics().servers.recv_count, 2);
    });
}

#[test]
fn a_node_that_is_killed_while_paused_has_read_nothing_since() {
    with_each_kind(|options| {
        let mut cluster = Cluster::start(options, 2);
        cluster.world.pause(cluster.nodes[1]);
        for word in 0..3 {
            cluster.ask("n0", Tell { word }).expect("the other node answers");
        }
        cluster.settle(Duration::from_millis(20));
        cluster.world.kill(cluster.nodes[1]);
        assert_eq!(cluster.world.network_statistics().servers.recv_count, 0);
        let (_, records) = cluster.finish();
        let unread = |record: &&glomers_world::journal::Record| {
            matches!(record.entry, Entry::Dropped { reason: DropReason::Unread, .. })
        };
        assert_eq!(records.iter().filter(unread).count(), 3);
    });
}

#[test]
fn what_peers_send_waits_in_order_until_the_node_has_answered_init() {
    with_each_kind(|options| {
        let mut cluster = Cluster::start(options, 0);
        let ids = [NodeId::from("n0"), NodeId::from("n1")];
        for id in &ids {
            cluster.add_node(id.clone());
        }
        cluster.init(&ids[0], &ids);
        for word in 0..3 {
            cluster.ask("n0", Tell { word }).expect("the node answers");
            cluster.settle(Duration::from_millis(5));
        }
        assert_eq!(cluster.world.network_statistics().servers.recv_count, 0);
        cluster.init(&ids[1], &ids);
        assert_eq!(heard_by(&mut cluster, "n1"), [0, 1, 2]);
        assert!(cluster.world.protocol_violations().is_empty());
    });
}

#[test]
fn every_message_of_a_settled_network_has_one_fate() {
    with_each_kind(|options| {
        let mut cluster = Cluster::start(options, 3);
        cluster.world.install_rule(Loss { probability: 0.3 });
        for word in 0..30 {
            cluster.ask("n0", Tell { word }).expect("clients lose nothing");
            match word {
                5 => cluster.world.pause(cluster.nodes[1]),
                10 => cluster.world.kill(cluster.nodes[2]),
                20 => cluster.world.kill(cluster.nodes[1]),
                _ => {}
            }
        }
        cluster.settle(Duration::from_millis(50));
        let received = cluster.world.network_statistics().all.recv_count;
        let (_, records) = cluster.finish();
        let mut fates: BTreeMap<u64, Vec<&Entry>> = BTreeMap::new();
        for record in &records {
            match &record.entry {
                Entry::Sent { message, .. } => drop(fates.insert(*message, Vec::new())),
                Entry::Delivered { message } | Entry::Dropped { message, .. } => {
                    fates.get_mut(message).expect("it was sent before").push(&record.entry);
                }
                _ => {}
            }
        }
        let count =
            |wanted: fn(&[&Entry]) -> bool| fates.values().filter(|fates| wanted(fates)).count() as u64;
        let delivered = count(|fates| matches!(fates, [Entry::Delivered { .. }]));
        let dropped = count(|fates| matches!(fates, [Entry::Dropped { .. }]));
        let taken_back = count(|fates| {
            matches!(fates, [Entry::Delivered { .. }, Entry::Dropped { reason: DropReason::Unread, .. }])
        });
        assert_eq!(delivered + dropped + taken_back, fates.len() as u64, "{fates:?}");
        assert_eq!(delivered, received);
    });
}
