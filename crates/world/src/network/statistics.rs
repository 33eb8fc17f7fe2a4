//! Counts of messages, kept as they pass.

use crate::ids::HostRole;

/// What passed through the network, in the classes of a Maelstrom result map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NetworkStatistics {
    /// Every message.
    pub all: MessageCounts,
    /// Messages to or from a client.
    pub clients: MessageCounts,
    /// Messages that involve no client: between nodes, and between nodes and services.
    pub servers: MessageCounts,
}

/// How many messages of one class were sent and received. Messages to a destination that does not exist count nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageCounts {
    /// Messages that a host handed to the network.
    pub send_count: u64,
    /// Messages that a host took; one that a fault duplicated is received twice. What a process left unread when it ended was not
    /// received.
    pub recv_count: u64,
    /// Distinct messages; one that a fault duplicated counts once.
    pub msg_count: u64,
}

impl NetworkStatistics {
    pub(crate) fn count_sent(&mut self, src: HostRole, dest: HostRole) {
        self.all.count_sent();
        self.class_of(src, dest).count_sent();
    }

    pub(crate) fn count_received(&mut self, src: HostRole, dest: HostRole) {
        self.all.recv_count += 1;
        self.class_of(src, dest).recv_count += 1;
    }

    /// Takes back that a message was received.
    pub(crate) fn uncount_received(&mut self, src: HostRole, dest: HostRole) {
        self.all.recv_count -= 1;
        self.class_of(src, dest).recv_count -= 1;
    }

    fn class_of(&mut self, src: HostRole, dest: HostRole) -> &mut MessageCounts {
        if src == HostRole::Client || dest == HostRole::Client {
            &mut self.clients
        } else {
            &mut self.servers
        }
    }
}

impl MessageCounts {
    /// Each message that is sent has a number of its own, so what is sent is what is distinct.
    fn count_sent(&mut self) {
        self.send_count += 1;
        self.msg_count += 1;
    }
}
