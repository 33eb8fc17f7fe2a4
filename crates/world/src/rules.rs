//! Faults of the network: rules that look at a packet and say what becomes of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use glomers_node::{NodeId, Random, Time};
use rustc_hash::FxHashSet;

use crate::host::HostRole;
use crate::journal::DropReason;

/// A fault of the network. Rules see every message between hosts, at its sending and once more when it is due.
///
/// A rule draws from a stream of its own, derived from the world's seed and its [`name`](Self::name): installing or removing one
/// fault does not shift the others.
pub trait Rule {
    /// What the rule's random stream is called: `loss`. Each installation has a stream of its own, numbered within the name.
    fn name(&self) -> &'static str;

    /// What the rule does, for the journal and the report: `messages from n0, n1 to n2 are lost`.
    fn description(&self) -> String;

    /// Looks at a message as it is sent.
    fn on_send(&mut self, _packet: &Packet<'_>, _random: &mut Random) -> Verdict {
        Verdict::Pass
    }

    /// Looks at a message as it is due, just before its receiver sees it.
    fn on_deliver(&mut self, _packet: &Packet<'_>, _random: &mut Random) -> Verdict {
        Verdict::Pass
    }
}

/// What a rule sees of a message.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// The message's number, the same at its sending and its delivery.
    pub message: u64,
    /// The sender.
    pub src: &'a NodeId,
    /// What the sender is.
    pub src_role: HostRole,
    /// The receiver.
    pub dest: &'a NodeId,
    /// What the receiver is.
    pub dest_role: HostRole,
    /// The body's JSON text.
    pub body: &'a str,
    /// The time at which the rule looks.
    pub now: Time,
}

impl Packet<'_> {
    /// Whether both ends are nodes. Faults strike these links alone: a client is a person beside the node, and a service never fails.
    pub fn is_between_nodes(&self) -> bool {
        self.src_role == HostRole::Node && self.dest_role == HostRole::Node
    }
}

/// What becomes of a packet. The first rule that does not let it pass decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes its way.
    Pass,
    /// It is lost.
    Drop(DropReason),
    /// It arrives this much later. A rule that answers so to every delivery holds a message for ever.
    Delay(Duration),
    /// It arrives, and a second time this much later.
    Duplicate(Duration),
}

/// Names an installed rule, to remove it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub(crate) u64);

/// Cuts directed pairs of nodes: a message from the first to the second is lost if the cut stands when the message is due.
#[derive(Debug, Clone, Default)]
pub struct Partition {
    cut: FxHashSet<(NodeId, NodeId)>,
    description: String,
}

impl Partition {
    /// Cuts every pair of `(sender, receiver)`. One-way cuts name one direction.
    pub fn directed(pairs: impl IntoIterator<Item = (NodeId, NodeId)>) -> Self {
        let mut ordered: Vec<(NodeId, NodeId)> = pairs.into_iter().collect();
        ordered.sort();
        ordered.dedup();
        let description = describe_pairs(&ordered);
        Self { cut: ordered.into_iter().collect(), description }
    }

    /// Cuts all links between different groups, both ways.
    pub fn between(groups: &[Vec<NodeId>]) -> Self {
        let mut pairs = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            for other in
                groups.iter().enumerate().filter(|(other, _)| *other != index).flat_map(|(_, group)| group)
            {
                pairs.extend(group.iter().map(|node| (node.clone(), other.clone())));
            }
        }
        Self::directed(pairs)
    }
}

impl Rule for Partition {
    fn name(&self) -> &'static str {
        "partition"
    }

    fn description(&self) -> String {
        self.description.clone()
    }

    fn on_deliver(&mut self, packet: &Packet<'_>, _random: &mut Random) -> Verdict {
        let is_cut =
            packet.is_between_nodes() && self.cut.contains(&(packet.src.clone(), packet.dest.clone()));
        if is_cut { Verdict::Drop(DropReason::Partition) } else { Verdict::Pass }
    }
}

/// Loses messages between nodes at random.
#[derive(Debug, Clone, Copy)]
pub struct Loss {
    /// How likely a message is lost, from 0 to 1.
    pub probability: f64,
}

impl Rule for Loss {
    fn name(&self) -> &'static str {
        "loss"
    }

    fn description(&self) -> String {
        format!("each message between nodes is lost with probability {}", self.probability)
    }

    fn on_send(&mut self, packet: &Packet<'_>, random: &mut Random) -> Verdict {
        if packet.is_between_nodes() && random.chance(self.probability) {
            Verdict::Drop(DropReason::Loss)
        } else {
            Verdict::Pass
        }
    }
}

/// Delivers messages between nodes twice, at random.
#[derive(Debug, Clone, Copy)]
pub struct Duplication {
    /// How likely a message arrives a second time, from 0 to 1.
    pub probability: f64,
    /// The copy is late by up to this much.
    pub lag: Duration,
}

impl Rule for Duplication {
    fn name(&self) -> &'static str {
        "duplication"
    }

    fn description(&self) -> String {
        let lag_ms = self.lag.as_secs_f64() * 1e3;
        format!(
            "each message between nodes arrives twice with probability {}, up to {lag_ms} ms apart",
            self.probability
        )
    }

    fn on_send(&mut self, packet: &Packet<'_>, random: &mut Random) -> Verdict {
        if packet.is_between_nodes() && random.chance(self.probability) {
            Verdict::Duplicate(self.lag.mul_f64(random.f64()))
        } else {
            Verdict::Pass
        }
    }
}

/// Holds messages between nodes up at random, so that later ones overtake them.
#[derive(Debug, Clone, Copy)]
pub struct Slowness {
    /// How likely a message is held up, from 0 to 1. At 1 every link is slow; below, messages change their order.
    pub probability: f64,
    /// The longest hold-up.
    pub delay: Duration,
}

impl Rule for Slowness {
    fn name(&self) -> &'static str {
        "slowness"
    }

    fn description(&self) -> String {
        let delay_ms = self.delay.as_secs_f64() * 1e3;
        format!(
            "each message between nodes is late with probability {}, by up to {delay_ms} ms",
            self.probability
        )
    }

    fn on_send(&mut self, packet: &Packet<'_>, random: &mut Random) -> Verdict {
        if packet.is_between_nodes() && random.chance(self.probability) {
            Verdict::Delay(self.delay.mul_f64(random.f64()))
        } else {
            Verdict::Pass
        }
    }
}

/// The rules that stand, in the order they were installed, each with its own stream.
#[derive(Default)]
pub(crate) struct Rules {
    installed: Vec<Installed>,
    next_id: u64,
    /// How many rules of each name there have been: the next one's stream is numbered within its name.
    count_by_name: BTreeMap<&'static str, u64>,
}

struct Installed {
    id: RuleId,
    rule: Box<dyn Rule>,
    random: Random,
}

impl Rules {
    pub(crate) fn install(&mut self, rule: Box<dyn Rule>, seed: u64) -> RuleId {
        let id = RuleId(self.next_id);
        self.next_id += 1;
        let count = self.count_by_name.entry(rule.name()).or_default();
        let random = Random::derive(seed, &format!("rule/{}/{count}", rule.name()));
        *count += 1;
        self.installed.push(Installed { id, rule, random });
        id
    }

    pub(crate) fn remove(&mut self, id: RuleId) -> bool {
        let count_before = self.installed.len();
        self.installed.retain(|installed| installed.id != id);
        self.installed.len() < count_before
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.installed.is_empty()
    }

    pub(crate) fn on_send(&mut self, packet: &Packet<'_>) -> Verdict {
        self.decide(|rule, random| rule.on_send(packet, random))
    }

    pub(crate) fn on_deliver(&mut self, packet: &Packet<'_>) -> Verdict {
        self.decide(|rule, random| rule.on_deliver(packet, random))
    }

    /// Asks every rule, also once one has decided, so that the draws of a rule don't depend on the verdicts of those before it.
    fn decide(&mut self, mut ask: impl FnMut(&mut dyn Rule, &mut Random) -> Verdict) -> Verdict {
        let mut decided = Verdict::Pass;
        for installed in &mut self.installed {
            let verdict = ask(installed.rule.as_mut(), &mut installed.random);
            if decided == Verdict::Pass {
                decided = verdict;
            }
        }
        decided
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_list()
            .entries(self.installed.iter().map(|installed| installed.rule.description()))
            .finish()
    }
}

/// `n0 to n1, n2; n1 to n0`: the receivers gathered by sender, from sorted pairs.
fn describe_pairs(pairs: &[(NodeId, NodeId)]) -> String {
    if pairs.is_empty() {
        return "no link is cut".into();
    }
    let by_sender: Vec<String> = pairs
        .chunk_by(|left, right| left.0 == right.0)
        .map(|chunk| {
            let receivers: Vec<&str> = chunk.iter().map(|(_, dest)| dest.as_str()).collect();
            format!("{} to {}", chunk[0].0, receivers.join(", "))
        })
        .collect();
    format!("messages are lost from {}", by_sender.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet<'a>(src: &'a NodeId, dest: &'a NodeId, dest_role: HostRole) -> Packet<'a> {
        Packet { message: 0, src, src_role: HostRole::Node, dest, dest_role, body: "{}", now: Time::ZERO }
    }

    #[test]
    fn a_partition_is_directed_and_spares_services() {
        let (left, right) = (NodeId::from("n0"), NodeId::from("n1"));
        let mut random = Random::derive(0, "partition");
        let mut partition = Partition::directed([(left.clone(), right.clone())]);
        let cut = Verdict::Drop(DropReason::Partition);
        assert_eq!(partition.on_deliver(&packet(&left, &right, HostRole::Node), &mut random), cut);
        assert_eq!(partition.on_deliver(&packet(&right, &left, HostRole::Node), &mut random), Verdict::Pass);
        assert_eq!(
            partition.on_deliver(&packet(&left, &right, HostRole::Service), &mut random),
            Verdict::Pass
        );
    }

    #[test]
    fn groups_are_cut_both_ways_and_described_by_sender() {
        let nodes = |names: &[&str]| names.iter().map(|name| NodeId::from(*name)).collect::<Vec<_>>();
        let partition = Partition::between(&[nodes(&["n0"]), nodes(&["n1", "n2"])]);
        assert_eq!(partition.description(), "messages are lost from n0 to n1, n2; n1 to n0; n2 to n0");
    }

    #[test]
    fn removing_one_rule_leaves_the_draws_of_another() {
        let (left, right) = (NodeId::from("n0"), NodeId::from("n1"));
        let packet = packet(&left, &right, HostRole::Node);
        let losses = |rules: &mut Rules| (0..64).map(|_| rules.on_send(&packet)).collect::<Vec<_>>();
        let loss = || Box::new(Loss { probability: 0.5 });
        let mut alone = Rules::default();
        alone.install(loss(), 3);
        let mut beside = Rules::default();
        let slowness = beside.install(Box::new(Slowness { probability: 0.0, delay: Duration::ZERO }), 3);
        beside.install(loss(), 3);
        assert_eq!(losses(&mut alone), losses(&mut beside));
        assert!(beside.remove(slowness));
        assert_eq!(losses(&mut alone), losses(&mut beside));
    }
}
