//! The workload under virtual time: many seeds, with what goes wrong between nodes.

use std::time::Duration;

use glomers::simulation::{Outcome, Simulation};
use glomers_node::{Node, Router};
use glomers_world::LatencyDistribution;
use lin_kv::LinKvServer;
use lin_kv::raft::Tuning;

/// How many seeds each test draws from: more with the environment's `GLOMERS_SEEDS`.
fn seeds(default: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("GLOMERS_SEEDS").ok();
    0..asked.map_or(default, |count| count.parse().expect("GLOMERS_SEEDS is a number"))
}

/// Five nodes that compact their logs all the time, so that whoever was away needs the whole store.
fn hasty(node: Node) -> Router<LinKvServer> {
    LinKvServer::tuned_router(node, Tuning { compact_at: 8, kept_entries: 2, ..Tuning::default() })
}

fn cluster(nodes: usize) -> Simulation {
    Simulation::new("lin-kv")
        .node_count(nodes)
        .concurrency(2 * nodes)
        .rate_hz(100.0)
        .time_limit(Duration::from_secs(20))
}

fn check(name: &str, outcome: &Outcome) {
    outcome.assert_valid();
    let ok = outcome.figure("stats.ok-count").expect("operations were counted");
    assert!(ok > 100.0, "{name}, seed {}: only {ok} operations succeeded", outcome.seed);
}

#[test]
fn registers_are_linearizable_under_partitions() {
    for seed in seeds(20) {
        let outcome = cluster(5)
            .latency(20.0, LatencyDistribution::Exponential)
            .nemesis(&["partition"], Duration::from_secs(2))
            .seed(seed)
            .run(hasty);
        check("partition", &outcome);
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let cluster = cluster(3).latency(20.0, LatencyDistribution::Exponential);
        cluster.nemesis(&["partition"], Duration::from_secs(2)).seed(7).run(hasty)
    };
    let (first, second) = (run(), run());
    assert_eq!(first.trace_hash, second.trace_hash);
    assert_eq!(first.history_edn(), second.history_edn());
}

#[test]
fn a_quiet_cluster_answers_everything() {
    let outcome = cluster(5).run(LinKvServer::router);
    check("quiet", &outcome);
    println!("{}", outcome.results);
}
