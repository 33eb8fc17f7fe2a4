//! What the tests under virtual time share.

use std::time::Duration;

use broadcast::{BroadcastServer, Settings};
use glomers::simulation::{Outcome, Simulation};
use glomers_check::Value;
use glomers_node::{Node, Router};
use glomers_world::LatencyDistribution;

/// The official commands.
#[derive(Debug, Clone, Copy)]
pub enum Challenge {
    /// 3a: one node.
    Single,
    /// 3b and 3c: five nodes.
    Small,
    /// 3d and 3e: 25 nodes, a hundred operations a second, a tenth of a second between any two nodes.
    Large,
}

impl Challenge {
    pub fn simulation(self) -> Simulation {
        let (node_count, rate_hz, latency_ms) = match self {
            Self::Single => (1, 10.0, 0.0),
            Self::Small => (5, 10.0, 0.0),
            Self::Large => (25, 100.0, 100.0),
        };
        Simulation::new("broadcast")
            .node_count(node_count)
            .rate_hz(rate_hz)
            .latency(latency_ms, LatencyDistribution::Constant)
            .time_limit(Duration::from_secs(20))
    }
}

/// What stands for the node's program.
pub fn node(settings: Settings) -> impl Fn(Node) -> Router<BroadcastServer> + 'static {
    move |node| BroadcastServer::router(node, settings)
}

/// What the challenge asks for.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    pub messages_per_operation: f64,
    pub median_ms: i128,
    pub max_ms: i128,
    pub operations: usize,
}

/// Reads them from the results.
pub fn figures(outcome: &Outcome) -> Figures {
    let per_operation = at(&outcome.results, &["net", "servers", "msgs-per-op"]);
    let Value::Map(quantiles) = at(&outcome.results, &["workload", "stable-latencies"]) else {
        panic!("no value became stable: {}", outcome.sentence)
    };
    let quantile = |point: f64| {
        let entry = quantiles.iter().find(|(key, _)| number(key) == point);
        number(&entry.unwrap_or_else(|| panic!("{point} is not among {quantiles:?}")).1) as i128
    };
    Figures {
        messages_per_operation: number(per_operation),
        median_ms: quantile(0.5),
        max_ms: quantile(1.0),
        operations: outcome.history.len() / 2,
    }
}

fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, key| value.get(key).unwrap_or_else(|| panic!("there is no {key} in {value}")))
}

fn number(value: &Value) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| panic!("{value} is no number"))
}
