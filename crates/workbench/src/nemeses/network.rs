//! Faults of the network: each is one rule while it lasts.

use std::collections::{BTreeMap, BTreeSet};

use glomers_check::{Name, Value};
use glomers_node::Random;
use glomers_protocol::NodeId;
use glomers_world::{Links, Rule, RuleId};

use super::{Fault, FaultContext, Step};

/// What was drawn when a fault began.
pub(super) struct Disruption<R> {
    pub(super) rule: R,
    /// What the history shows before it is done, and after.
    pub(super) asked: Value,
    pub(super) done: Value,
}

impl<R: Rule> Disruption<R> {
    /// One that draws nothing: what is asked for is how strong it is, what is done is what the rule says of itself.
    pub(super) fn of_whole_network(rule: R, strength: impl IntoIterator<Item = (&'static str, f64)>) -> Self {
        let done = Value::string(rule.description());
        Self { rule, asked: Value::record(strength), done }
    }
}

/// A fault that draws a rule each time it starts, and is healed when the rule is removed. Its history says `start-NAME` and
/// `stop-NAME`.
pub(super) fn network_fault<R: Rule + 'static>(
    name: &'static str,
    draw: impl FnMut(&[NodeId], &mut Random) -> Disruption<R> + 'static,
) -> Box<dyn Fault> {
    Box::new(NetworkFault { name, draw, rule: None })
}

struct NetworkFault<D> {
    name: &'static str,
    draw: D,
    rule: Option<RuleId>,
}

impl<R: Rule + 'static, D: FnMut(&[NodeId], &mut Random) -> Disruption<R>> Fault for NetworkFault<D> {
    fn start(&mut self, context: &mut FaultContext<'_>) -> Step {
        let Disruption { rule, asked, done } = (self.draw)(context.cluster.ids(), context.random);
        self.rule = Some(context.world.install_rule(rule));
        Step { f: Name::from(format!("start-{}", self.name).as_str()), asked, done }
    }

    fn stop(&mut self, context: &mut FaultContext<'_>) -> Step {
        if let Some(rule) = self.rule.take() {
            context.world.remove_rule(rule);
        }
        let f = Name::from(format!("stop-{}", self.name).as_str());
        Step { f, asked: Value::Nil, done: Value::keyword("network-healed") }
    }
}

/// For each node that something is wrong with, the nodes that it does not hear well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct BadLinks {
    sources: BTreeMap<NodeId, BTreeSet<NodeId>>,
}

impl BadLinks {
    pub(super) fn add(&mut self, src: &NodeId, dest: &NodeId) {
        self.sources.entry(dest.clone()).or_default().insert(src.clone());
    }

    /// Every link from a node of the first group to one of the second.
    pub(super) fn add_all(&mut self, sources: &[NodeId], dests: &[NodeId]) {
        for dest in dests {
            sources.iter().for_each(|src| self.add(src, dest));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// The pairs of sender and receiver.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (NodeId, NodeId)> {
        self.sources.iter().flat_map(|(dest, sources)| sources.iter().map(|src| (src.clone(), dest.clone())))
    }

    pub(super) fn to_links(&self) -> Links {
        Links::directed(self.pairs())
    }

    /// As the history shows them: a vector of the word and a map from each receiver to the set of its senders.
    pub(super) fn to_value(&self, word: &'static str) -> Value {
        let entry = |(dest, sources): (&NodeId, &BTreeSet<NodeId>)| {
            let sources = sources.iter().map(|src| Value::from(src.as_str())).collect();
            (Value::from(dest.as_str()), Value::Set(sources))
        };
        Value::Vector(vec![Value::keyword(word), Value::Map(self.sources.iter().map(entry).collect())])
    }
}

/// Every link between two nodes, each direction separately.
pub(super) fn all_links(nodes: &[NodeId]) -> Vec<(NodeId, NodeId)> {
    let from = |src: &NodeId| {
        nodes
            .iter()
            .filter(move |dest| *dest != src)
            .map(|dest| (src.clone(), dest.clone()))
            .collect::<Vec<_>>()
    };
    nodes.iter().flat_map(from).collect()
}

/// The nodes at these places, and the others.
pub(super) fn sides(nodes: &[NodeId], places: &[usize]) -> (Vec<NodeId>, Vec<NodeId>) {
    let is_struck = |place: &usize| places.contains(place);
    let (struck, rest): (Vec<usize>, Vec<usize>) = (0..nodes.len()).partition(is_struck);
    let named = |places: Vec<usize>| places.into_iter().map(|place| nodes[place].clone()).collect();
    (named(struck), named(rest))
}
