//! What one node did wrong.

use glomers_protocol::text::excerpt;
use glomers_world::journal::{Entry, Record};

use super::{Place, Step, name};

/// How many violations are told.
const MAX_TOLD: usize = 3;
/// How much of one is told, in characters.
const VIOLATION_CHARS: usize = 600;

/// A node, what it was last sent, and what it did wrong.
pub(super) struct Conduct {
    node: String,
    /// The last message to it: its number, sender, body, and where it arrived.
    under_way: std::collections::BTreeMap<u64, (glomers_protocol::NodeId, String)>,
    last_message: Option<Step>,
    steps: Vec<Step>,
    violations: u64,
}

impl Conduct {
    pub(super) fn new(node: String) -> Self {
        Self { node, under_way: Default::default(), last_message: None, steps: Vec::new(), violations: 0 }
    }

    pub(super) fn observe(&mut self, place: Place, record: &Record) {
        match &record.entry {
            Entry::Sent { message, src, dest, body, .. } if dest.as_str() == self.node => {
                let text = format!(
                    "{} gets from {}: {}",
                    name(dest),
                    name(src),
                    excerpt(body.as_bytes(), super::QUOTE_CHARS)
                );
                self.under_way.insert(*message, (src.clone(), text));
                if self.under_way.len() > 10_000 {
                    self.under_way.pop_first();
                }
            }
            Entry::Delivered { message } => {
                if let Some((src, text)) = self.under_way.remove(message) {
                    let hosts = vec![self.node.as_str().into(), src];
                    self.last_message = Some(place.step(hosts, vec![*message], text));
                }
            }
            Entry::ProtocolViolation { host, text } if host.as_str() == self.node => {
                self.violations += 1;
                self.tell(place, excerpt(text.as_bytes(), VIOLATION_CHARS));
            }
            Entry::ProcessExited { host, status } if host.as_str() == self.node => {
                self.tell(
                    place,
                    format!("{} ends: {}", name(host), excerpt(status.as_bytes(), VIOLATION_CHARS)),
                );
            }
            Entry::HostKilled { host } if host.as_str() == self.node => {
                self.tell(place, format!("{} is killed by a fault", name(host)));
            }
            _ => {}
        }
    }

    fn tell(&mut self, place: Place, text: String) {
        if self.steps.len() < 2 * MAX_TOLD {
            self.steps.extend(self.last_message.take());
            self.steps.push(place.step(vec![self.node.as_str().into()], Vec::new(), text));
        }
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    pub(super) fn conclusions(&self) -> Vec<String> {
        if self.violations <= MAX_TOLD as u64 {
            return Vec::new();
        }
        vec![format!("It broke the protocol {} in all.", crate::text::count(self.violations, "time"))]
    }
}
