//! Faults of the network: rules that look at a packet and say what becomes of it.
//!
//! - `links`: [`Links`], which links a rule strikes.
//! - `partition`, `loss`, `duplication`, `lateness`: the common rules.

mod duplication;
mod lateness;
mod links;
mod loss;
mod partition;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use glomers_node::{NodeId, Random, Time};

use crate::ids::HostRole;
use crate::network::DropReason;

pub use duplication::Duplication;
pub use lateness::{Reordering, Slowness};
pub use links::Links;
pub use loss::{Flakiness, Loss};
pub use partition::Partition;

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

/// What becomes of a packet, if one rule alone is asked. The verdicts of several add up: a packet that any of them drops is lost,
/// delays are added, and each duplication makes a copy.
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

/// What all rules together say of a packet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// Why it is lost, as the first rule says that drops it.
    pub(crate) dropped: Option<DropReason>,
    /// How much later it arrives.
    pub(crate) delay: Duration,
    /// The copies, by how much later each arrives than the packet itself.
    pub(crate) copies: Vec<Duration>,
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

    pub(crate) fn on_send(&mut self, packet: &Packet<'_>) -> Judgement {
        self.judge(|rule, random| rule.on_send(packet, random))
    }

    pub(crate) fn on_deliver(&mut self, packet: &Packet<'_>) -> Judgement {
        self.judge(|rule, random| rule.on_deliver(packet, random))
    }

    /// Asks every rule, also once one has dropped the packet, so that the draws of a rule don't depend on the verdicts of others.
    fn judge(&mut self, mut ask: impl FnMut(&mut dyn Rule, &mut Random) -> Verdict) -> Judgement {
        let mut judgement = Judgement::default();
        for installed in &mut self.installed {
            match ask(installed.rule.as_mut(), &mut installed.random) {
                Verdict::Pass => {}
                Verdict::Drop(reason) => drop(judgement.dropped.get_or_insert(reason)),
                Verdict::Delay(longer) => judgement.delay = judgement.delay.saturating_add(longer),
                Verdict::Duplicate(later) => judgement.copies.push(later),
            }
        }
        judgement
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

#[cfg(test)]
mod tests;
