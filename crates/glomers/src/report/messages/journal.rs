//! From the world's journal to the events of the diagram.

use glomers_world::{
    HostRole,
    journal::{Entry, Record},
};

use super::{Event, Messages};

impl Messages {
    /// Adds the next record of a run's journal: messages and their fates, rules of the network, nodes that are down or paused.
    /// Other records are ignored.
    pub fn observe_record(&mut self, record: &Record) {
        let time_ns = record.time.as_ns();
        match &record.entry {
            Entry::Sent { message, src, dest, body, .. } => {
                let (src, dest) = (src.as_str(), dest.as_str());
                self.observe(&Event::Sent { message: *message, time_ns, src, dest, body });
            }
            Entry::Delivered { message } => self.observe(&Event::Delivered { message: *message, time_ns }),
            Entry::Dropped { message, reason } => {
                self.observe(&Event::Dropped { message: *message, time_ns, reason: &reason.to_string() });
            }
            Entry::RuleInstalled { rule, description } => {
                self.observe(&Event::FaultBegan { time_ns, name: description });
                self.rules.insert(*rule, description.clone());
            }
            Entry::RuleRemoved { rule } => {
                if let Some(name) = self.rules.remove(rule) {
                    self.observe(&Event::FaultEnded { time_ns, name: &name });
                }
            }
            Entry::HostKilled { host } | Entry::ProcessExited { host, .. } => {
                self.observe(&Event::FaultBegan { time_ns, name: &format!("{host} is down") });
            }
            // A restarted node is a new host with the old name.
            Entry::HostAdded { host, role: HostRole::Node } => {
                self.observe(&Event::FaultEnded { time_ns, name: &format!("{host} is down") });
            }
            Entry::HostPaused { host } => {
                self.observe(&Event::FaultBegan { time_ns, name: &format!("{host} is paused") });
            }
            Entry::HostResumed { host } => {
                self.observe(&Event::FaultEnded { time_ns, name: &format!("{host} is paused") });
            }
            Entry::HostAdded { .. }
            | Entry::HostRemoved { .. }
            | Entry::ProtocolViolation { .. }
            | Entry::Note { .. }
            | Entry::UserRecord(_) => {}
        }
    }
}
