//! The same seed gives the same run.

use std::collections::BTreeSet;
use std::time::Duration;

use glomers_node::NodeId;
use glomers_world::{Finished, Journal, Latency, LatencyDistribution, Loss, WorldOptions};

use crate::cluster::{Cluster, Heard, Tell, real, simulated};

fn run(seed: u64) -> Finished {
    let latency = Latency { mean_ms: 10.0, distribution: LatencyDistribution::Exponential };
    let mut cluster = Cluster::start(WorldOptions { latency, ..simulated(seed) }, 5);
    cluster.world.install_rule(Loss { probability: 0.2 });
    for word in 0..50 {
        cluster.ask(format!("n{}", word % 5), Tell { word }).expect("the node answers");
    }
    cluster.settle(Duration::from_secs(1));
    cluster.finish().0
}

#[test]
fn a_seed_gives_one_run_and_another_seed_another() {
    let (first, second) = (run(7), run(7));
    assert_eq!(first.trace_hash, second.trace_hash);
    assert_eq!(first.journal, second.journal);
    let hashes: BTreeSet<u64> = (0..20).map(|seed| run(seed).trace_hash).collect();
    assert_eq!(hashes.len(), 20);
}

#[test]
fn interleavings_vary_with_the_seed_also_without_latency() {
    let orders: BTreeSet<Vec<u64>> = (0..20)
        .map(|seed| {
            let mut cluster = Cluster::start(simulated(seed), 3);
            for word in 0..4 {
                let client = cluster.world.node(cluster.client).expect("the client lives").clone();
                client.send(format!("n{}", word % 2), &Tell { word });
            }
            cluster.settle(Duration::from_millis(10));
            cluster.ask("n2", Heard {}).expect("the node answers").words
        })
        .collect();
    assert!(orders.len() > 3, "{orders:?}");
}

#[test]
fn a_message_on_its_way_reaches_the_node_that_was_started_in_place_of_a_killed_one() {
    let mut cluster =
        Cluster::start(WorldOptions { latency: Latency::constant_ms(100.0), ..simulated(0) }, 2);
    let ids = [NodeId::from("n0"), NodeId::from("n1")];
    cluster.ask("n0", Tell { word: 1 }).expect("the node answers");
    cluster.world.kill(cluster.nodes[1]);
    cluster.add_node(ids[1].clone());
    cluster.init(&ids[1], &ids);
    cluster.settle(Duration::from_millis(200));
    assert_eq!(cluster.ask("n1", Heard {}).expect("the node answers").words, [1]);
}

/// The seeds that a process is given, life after life.
fn seeds_of_three_lives(node: &str) -> Vec<String> {
    let mut cluster = Cluster::without_nodes(real(), Journal::in_memory());
    for _ in 0..3 {
        let life = cluster.add_program(node.into(), r#"echo "$GLOMERS_NODE_SEED" >&2"#);
        cluster.turn_until(|world| !world.is_alive(life));
    }
    let log = std::fs::read_to_string(cluster.log_file(&node.into())).expect("the process has a log");
    log.lines().map(str::to_owned).collect()
}

#[test]
fn a_process_that_is_started_again_draws_other_numbers_and_in_every_run_the_same() {
    let seeds = seeds_of_three_lives("n0");
    assert_eq!(seeds, seeds_of_three_lives("n0"));
    assert_eq!(seeds.iter().collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(seeds[0], real().seed.to_string());
    assert_ne!(seeds[1..], seeds_of_three_lives("n1")[1..]);
}
