//! A fault in full: what goes wrong, and for whom. A random fault draws one, a script states one, and both are injected here.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use glomers_check::{Name, Value};
use glomers_protocol::NodeId;
use glomers_world::{
    Duplication, Flakiness, Links, Loss, Partition, Reordering, Rule, RuleId, Slowness, World,
};

use super::{FaultContext, Step};

/// What goes wrong, and for whom. Equal faults act alike.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// Messages on these links are lost.
    Cut(BadLinks),
    /// Messages on these links are lost with this probability.
    Flaky { links: BadLinks, probability: f64 },
    /// Messages to and from these nodes are late.
    Slow { nodes: Vec<NodeId>, delay: Duration },
    /// Messages between nodes are lost with this probability.
    Lose { probability: f64 },
    /// Messages between nodes arrive twice with this probability, the copy up to `lag` later.
    Duplicate { probability: f64, lag: Duration },
    /// Messages between nodes are late with this probability, by up to `delay`.
    Reorder { probability: f64, delay: Duration },
    /// These nodes are dead.
    Kill(Vec<NodeId>),
    /// These nodes stand still.
    Pause(Vec<NodeId>),
}

impl Fault {
    /// The random fault that draws faults of this kind.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Cut(_) => "partition",
            Self::Flaky { .. } => "flaky",
            Self::Slow { .. } => "slow",
            Self::Lose { .. } => "loss",
            Self::Duplicate { .. } => "duplication",
            Self::Reorder { .. } => "reordering",
            Self::Kill(_) => "kill",
            Self::Pause(_) => "pause",
        }
    }

    /// Leaves a node out. False if nobody is struck then.
    pub(crate) fn leave_out(&mut self, node: &NodeId) -> bool {
        match self {
            Self::Cut(links) | Self::Flaky { links, .. } => {
                links.leave_out(node);
                !links.is_empty()
            }
            Self::Slow { nodes, .. } | Self::Kill(nodes) | Self::Pause(nodes) => {
                nodes.retain(|struck| struck != node);
                !nodes.is_empty()
            }
            Self::Lose { .. } | Self::Duplicate { .. } | Self::Reorder { .. } => true,
        }
    }

    /// Injects it. `name` is the random fault that drew it, as the history shows it.
    pub(super) fn begin(
        self,
        name: &'static str,
        asked: Value,
        context: &mut FaultContext<'_>,
    ) -> (Injection, Step) {
        let (rule, done) = match &self {
            Self::Cut(links) => {
                let rule = Partition::directed(links.pairs());
                (Some(context.world.install_rule(rule)), links.to_value("isolated"))
            }
            Self::Flaky { links, probability } => {
                let rule = Flakiness { links: links.to_links(), probability: *probability };
                (Some(context.world.install_rule(rule)), links.to_value("flaky"))
            }
            Self::Slow { nodes, delay } => {
                let rule = Slowness { links: links_of(nodes, context.nodes()), delay: *delay };
                let slow = nodes.iter().map(|node| Value::from(node.as_str())).collect();
                let done = Value::Vector(vec![Value::keyword("slowed"), Value::Set(slow)]);
                (Some(context.world.install_rule(rule)), done)
            }
            Self::Lose { probability } => of_whole_network(context.world, Loss { probability: *probability }),
            Self::Duplicate { probability, lag } => {
                of_whole_network(context.world, Duplication { probability: *probability, lag: *lag })
            }
            Self::Reorder { probability, delay } => {
                of_whole_network(context.world, Reordering { probability: *probability, delay: *delay })
            }
            Self::Kill(nodes) => (None, each_node(context, nodes, kill)),
            Self::Pause(nodes) => (None, each_node(context, nodes, pause)),
        };
        let f = match self {
            Self::Kill(_) | Self::Pause(_) => Name::from(name),
            _ => Name::from(format!("start-{name}").as_str()),
        };
        (Injection { name, fault: self, rule }, Step { f, asked, done })
    }
}

/// A fault while it lasts.
#[derive(Debug)]
pub(super) struct Injection {
    name: &'static str,
    fault: Fault,
    rule: Option<RuleId>,
}

impl Injection {
    /// Heals it. Nodes that one of `others` strikes in the same way stay as they are.
    pub(super) fn end(self, others: &[&Self], context: &mut FaultContext<'_>) -> Step {
        let all: Vec<NodeId> = context.nodes().to_vec();
        match &self.fault {
            Fault::Kill(_) => {
                let free = all.into_iter().filter(|node| {
                    !others
                        .iter()
                        .any(|other| matches!(&other.fault, Fault::Kill(held) if held.contains(node)))
                });
                let done = each_node(context, &free.collect::<Vec<_>>(), start);
                Step { f: "start".into(), asked: Value::keyword("all"), done }
            }
            Fault::Pause(_) => {
                let free = all.into_iter().filter(|node| {
                    !others
                        .iter()
                        .any(|other| matches!(&other.fault, Fault::Pause(held) if held.contains(node)))
                });
                let done = each_node(context, &free.collect::<Vec<_>>(), resume);
                Step { f: "resume".into(), asked: Value::keyword("all"), done }
            }
            _ => {
                if let Some(rule) = self.rule {
                    context.world.remove_rule(rule);
                }
                let f = Name::from(format!("stop-{}", self.name).as_str());
                Step { f, asked: Value::Nil, done: Value::keyword("network-healed") }
            }
        }
    }
}

fn of_whole_network(world: &mut World, rule: impl Rule + 'static) -> (Option<RuleId>, Value) {
    let description = rule.description();
    (Some(world.install_rule(rule)), Value::string(description))
}

/// Every link between one of these nodes and any other, in both directions.
fn links_of(nodes: &[NodeId], all: &[NodeId]) -> Links {
    let of = |node: &NodeId| {
        let others: Vec<NodeId> = all.iter().filter(|other| *other != node).cloned().collect();
        let node = node.clone();
        others.into_iter().flat_map(move |other| [(node.clone(), other.clone()), (other, node.clone())])
    };
    Links::directed(nodes.iter().flat_map(of))
}

/// Does something to each of these nodes, and returns the result for each, as the history shows it.
fn each_node(
    context: &mut FaultContext<'_>,
    nodes: &[NodeId],
    act: fn(&mut FaultContext<'_>, usize) -> &'static str,
) -> Value {
    let entry = |node: &NodeId| {
        let place = context.nodes().iter().position(|known| known == node)?;
        Some((Value::from(node.as_str()), Value::keyword(act(context, place))))
    };
    Value::Map(nodes.iter().filter_map(entry).collect())
}

fn kill(context: &mut FaultContext<'_>, place: usize) -> &'static str {
    if !context.cluster.is_running(context.world, place) {
        return "not-running";
    }
    context.cluster.kill(context.world, place);
    "killed"
}

fn start(context: &mut FaultContext<'_>, place: usize) -> &'static str {
    if context.cluster.is_running(context.world, place) {
        return "already-running";
    }
    context.cluster.restart(context.world, place);
    "started"
}

fn pause(context: &mut FaultContext<'_>, place: usize) -> &'static str {
    if !context.cluster.is_running(context.world, place) {
        "not-running"
    } else if !context.cluster.is_ready(context.world, place) {
        // A node that cannot answer init in time would be blamed for it.
        "starting"
    } else {
        context.cluster.pause(context.world, place);
        "paused"
    }
}

fn resume(context: &mut FaultContext<'_>, place: usize) -> &'static str {
    if !context.cluster.is_paused(context.world, place) {
        return "not-paused";
    }
    context.cluster.resume(context.world, place);
    "resumed"
}

/// For each node that something is wrong with, the nodes that it does not hear well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BadLinks {
    sources: BTreeMap<NodeId, BTreeSet<NodeId>>,
}

impl BadLinks {
    pub(super) fn add(&mut self, src: &NodeId, dest: &NodeId) {
        self.sources.entry(dest.clone()).or_default().insert(src.clone());
    }

    /// Every link from a node of the first group to one of the second.
    pub(super) fn add_all(&mut self, sources: &[NodeId], dests: &[NodeId]) {
        for dest in dests {
            sources.iter().filter(|src| *src != dest).for_each(|src| self.add(src, dest));
        }
    }

    /// Every link between the two groups, in both directions.
    pub(super) fn between(one: &[NodeId], other: &[NodeId]) -> Self {
        let mut links = Self::default();
        links.add_all(one, other);
        links.add_all(other, one);
        links
    }

    /// Leaves out every link of a node.
    fn leave_out(&mut self, node: &NodeId) {
        self.sources.remove(node);
        for sources in self.sources.values_mut() {
            sources.remove(node);
        }
        self.sources.retain(|_, sources| !sources.is_empty());
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
    let (struck, rest): (Vec<usize>, Vec<usize>) =
        (0..nodes.len()).partition(|place: &usize| places.contains(place));
    let named = |places: Vec<usize>| places.into_iter().map(|place| nodes[place].clone()).collect();
    (named(struck), named(rest))
}

impl BadLinks {
    /// The senders that share the same receivers, each group with these.
    pub(super) fn by_sender(&self) -> Vec<(Vec<NodeId>, Vec<NodeId>)> {
        let mut dests_by_src: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for (src, dest) in self.pairs() {
            dests_by_src.entry(src).or_default().push(dest);
        }
        let mut groups: Vec<(Vec<NodeId>, Vec<NodeId>)> = Vec::new();
        for (src, dests) in dests_by_src {
            match groups.iter_mut().find(|(_, shared)| *shared == dests) {
                Some((sources, _)) => sources.push(src),
                None => groups.push((vec![src], dests)),
            }
        }
        groups
    }

    /// The two groups that are cut off from each other, if these links are all the links between two groups.
    pub(super) fn groups(&self) -> Option<(Vec<NodeId>, Vec<NodeId>)> {
        match &self.by_sender()[..] {
            [(one, from_one), (other, from_other)] if one == from_other && other == from_one => {
                let (few, many) = if one.len() <= other.len() { (one, other) } else { (other, one) };
                Some((few.clone(), many.clone()))
            }
            _ => None,
        }
    }
}
