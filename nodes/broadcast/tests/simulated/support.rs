//! The official tests of the challenge.

use std::time::Duration;

use broadcast::{BroadcastServer, Settings};
use glomers_node::{Node, Router};
use glomers_workbench::{LatencyDistribution, Simulation};

/// 3a has one node; 3b and 3c have five.
pub(crate) fn small(node_count: usize) -> Simulation {
    let limit = Duration::from_secs(20);
    Simulation::new("broadcast").node_count(node_count).rate_hz(10.0).time_limit(limit)
}

/// 3d and 3e: 25 nodes, a hundred operations a second, a tenth of a second between any two nodes.
pub(crate) fn large() -> Simulation {
    small(25).rate_hz(100.0).latency(100.0, LatencyDistribution::Constant)
}

/// What stands for the node's program.
pub(crate) fn node(settings: Settings) -> impl Fn(Node) -> Router<BroadcastServer> + Clone + 'static {
    move |node| BroadcastServer::router(node, settings)
}

/// The settings that these arguments of the program make.
pub(crate) fn settings(arguments: &str) -> Settings {
    Settings::from_arguments(arguments.split_whitespace()).unwrap_or_else(|error| panic!("{error}"))
}
