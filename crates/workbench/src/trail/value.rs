//! The way of a value.

use std::collections::{BTreeMap, BTreeSet};

use glomers_node::Time;
use glomers_protocol::{NodeId, RESERVED_KEYS, text::escape};
use glomers_world::{
    HostRole,
    journal::{Entry, Record},
};
use serde_json::Value;

use super::{Origin, Step, Trail};
use crate::text::count;

/// How many steps are kept: a value that is read all the time has more.
const MAX_KEPT: usize = 10_000;

/// A message that carries the value, and is under way.
struct Carrier {
    src: NodeId,
    dest: NodeId,
    kind: String,
    /// The step that tells of it.
    step: usize,
}

#[derive(Default)]
struct Tale {
    origin: Origin,
    steps: Vec<Step>,
    nodes: BTreeSet<NodeId>,
    under_way: BTreeMap<u64, Carrier>,
    /// The nodes that have the value, as far as messages tell, since when.
    holders: BTreeMap<NodeId, Time>,
    /// The nodes that ever had it.
    ever: BTreeSet<NodeId>,
    /// Those that had it when they died, and have not started again.
    died: BTreeSet<NodeId>,
    /// For each node that it was sent to by another: how many messages, and how many of them were lost, by reason.
    sent_to: BTreeMap<NodeId, (u64, BTreeMap<String, u64>)>,
    /// How many steps there were beyond those that are kept.
    not_kept: u64,
    last_sent: Option<Time>,
    last_shown: Option<(Time, NodeId)>,
}

pub(super) fn trail(records: impl IntoIterator<Item = Record>, value: &Value) -> Trail {
    let needle = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut tale = Tale::default();
    for record in records {
        tale.observe(&record, value, &needle);
    }
    let conclusions = tale.conclusions();
    Trail { subject: escape(&needle).to_string(), steps: tale.steps, conclusions }
}

impl Tale {
    fn observe(&mut self, record: &Record, value: &Value, needle: &str) {
        let time = self.origin.time_of(record);
        match &record.entry {
            Entry::HostAdded { host, role: HostRole::Node } => {
                self.nodes.insert(host.clone());
                if self.died.remove(host) {
                    self.add(time, [host], [], format!("{} starts again", name(host)));
                }
            }
            Entry::Sent { message, src, dest, body, .. } => {
                // Most messages are ruled out by their text, unless it has escapes.
                if !body.contains(needle) && !body.contains('\\') {
                    return;
                }
                let Ok(Value::Object(body)) = serde_json::from_str::<Value>(body) else { return };
                let carries = body
                    .iter()
                    .filter(|(key, _)| !RESERVED_KEYS.contains(&key.as_str()))
                    .any(|(_, part)| contains(part, value, needle));
                if carries {
                    let kind = body.get("type").and_then(Value::as_str).unwrap_or_default();
                    self.sent(time, *message, src, dest, kind);
                }
            }
            Entry::Delivered { message } => self.delivered(time, *message),
            Entry::Dropped { message, reason } => self.dropped(*message, &reason.to_string()),
            Entry::HostKilled { host } => self.died(time, host, "is killed"),
            Entry::ProcessExited { host, status } => self.died(time, host, status),
            _ => {}
        }
    }

    fn sent(&mut self, time: Time, message: u64, src: &NodeId, dest: &NodeId, kind: &str) {
        let kind_text = escape(kind).to_string();
        let is_between_nodes = self.nodes.contains(src) && self.nodes.contains(dest);
        if self.nodes.contains(src) {
            self.last_sent = Some(time);
            // What it sends it has.
            self.holders.entry(src.clone()).or_insert(time);
            self.ever.insert(src.clone());
        }
        if is_between_nodes {
            self.sent_to.entry(dest.clone()).or_default().0 += 1;
        }
        let step = self.steps.len();
        // Several messages of one moment, from one node, are one step.
        let is_same = self.steps.last().is_some_and(|last| {
            last.time == time
                && last.hosts.first() == Some(src)
                && is_between_nodes
                && last.text.contains(&format!(" sends it ({kind_text}) to "))
        });
        let step = if is_same {
            let last = self.steps.len() - 1;
            let step = &mut self.steps[last];
            step.text.push_str(&format!(", {}", name(dest)));
            step.hosts.push(dest.clone());
            step.messages.push(message);
            last
        } else {
            let text = match (self.nodes.contains(src), self.nodes.contains(dest)) {
                (true, true) => format!("{} sends it ({kind_text}) to {}", name(src), name(dest)),
                (true, false) => format!("{} shows it ({kind_text}) to {}", name(src), name(dest)),
                (false, _) => format!("{} gives it ({kind_text}) to {}", name(src), name(dest)),
            };
            self.add(time, [src, dest], [message], text);
            step
        };
        if !dest.is_client() || is_between_nodes {
            self.under_way
                .insert(message, Carrier { src: src.clone(), dest: dest.clone(), kind: kind_text, step });
        } else if self.nodes.contains(src) {
            self.last_shown = Some((time, src.clone()));
        }
    }

    fn delivered(&mut self, time: Time, message: u64) {
        // A message that a fault doubled is delivered again.
        let Some(carrier) = self.under_way.get(&message) else { return };
        if self.nodes.contains(&carrier.dest) {
            self.holders.entry(carrier.dest.clone()).or_insert(time);
            self.ever.insert(carrier.dest.clone());
        }
    }

    fn dropped(&mut self, message: u64, reason: &str) {
        let Some(Carrier { src, dest, kind, step }) = self.under_way.remove(&message) else { return };
        let note = format!(" [to {}: lost, {reason}]", name(&dest));
        if let Some(step) = self.steps.get_mut(step) {
            step.text.push_str(&note);
        }
        if self.nodes.contains(&src)
            && let Some((_, lost)) = self.sent_to.get_mut(&dest)
        {
            *lost.entry(format!("{kind}, {reason}")).or_default() += 1;
        }
    }

    fn died(&mut self, time: Time, host: &NodeId, how: &str) {
        if self.holders.remove(host).is_some() {
            self.died.insert(host.clone());
            self.add(time, [host], [], format!("{} {how}; it had it", name(host)));
        }
    }

    fn add<const H: usize, const M: usize>(
        &mut self,
        time: Time,
        hosts: [&NodeId; H],
        messages: [u64; M],
        text: String,
    ) {
        let hosts = hosts.into_iter().cloned().collect();
        if self.steps.len() < MAX_KEPT {
            self.steps.push(Step { time, hosts, messages: messages.to_vec(), text });
        } else {
            self.not_kept += 1;
        }
    }

    fn conclusions(&self) -> Vec<String> {
        let mut conclusions = Vec::new();
        if self.not_kept > 0 {
            conclusions.push(format!("There were {} more that are not shown.", count(self.not_kept, "step")));
        }
        if self.steps.is_empty() {
            return vec!["No message carried it.".to_owned()];
        }
        for node in self.nodes.iter().filter(|node| !self.ever.contains(*node)) {
            conclusions.push(match self.sent_to.get(node) {
                None => format!("No node ever sent it to {}.", name(node)),
                Some((sent, lost)) => {
                    let reasons: Vec<String> =
                        lost.iter().map(|(reason, times)| format!("{times} ({reason})")).collect();
                    let lost: u64 = lost.values().sum();
                    format!(
                        "{} never got it: of {} to it {lost} lost{}.",
                        name(node),
                        count(*sent, "message"),
                        if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) }
                    )
                }
            });
        }
        let gone: Vec<&str> =
            self.ever.iter().filter(|node| !self.holders.contains_key(*node)).map(NodeId::as_str).collect();
        if !gone.is_empty() {
            let kept = if self.holders.is_empty() { " Nobody else had it." } else { "" };
            let was = if gone.len() == 1 { "was" } else { "were" };
            conclusions.push(format!(
                "{} had it and {was} killed or ended; nobody showed that it came back.{kept}",
                escape(&gone.join(", "))
            ));
        }
        if let Some((time, node)) = &self.last_shown {
            conclusions.push(format!(
                "It was shown to a client for the last time by {} at {}.",
                name(node),
                seconds(*time)
            ));
        }
        match self.last_sent {
            Some(time) => conclusions.push(format!("After {} no node sent it.", seconds(time))),
            None => conclusions.push("No node ever sent it on.".to_owned()),
        }
        conclusions
    }
}

/// Whether a JSON value is or contains another, its text, or a key of its text.
fn contains(whole: &Value, part: &Value, text: &str) -> bool {
    whole == part
        || match whole {
            Value::String(whole) => whole == text,
            Value::Number(whole) => part.as_f64().is_some_and(|part| whole.as_f64() == Some(part)),
            Value::Array(elements) => elements.iter().any(|element| contains(element, part, text)),
            Value::Object(entries) => {
                entries.iter().any(|(key, value)| key == text || contains(value, part, text))
            }
            _ => false,
        }
}

pub(super) fn name(host: &NodeId) -> String {
    escape(host.as_str()).to_string()
}

pub(super) fn seconds(time: Time) -> String {
    format!("{:.3} s", time.as_ns() as f64 / 1e9)
}
