//! Who tells whom what, and when: the algorithm, without messages being sent or time passing by itself.

use std::time::Duration;

use glomers_node::{NodeId, Time};

use crate::messages::Gossip;
use crate::peer::Peer;
use crate::settings::{Acknowledge, Settings};
use crate::values::{Life, Store, Summary, Value};

/// One node's part in the algorithm that the [crate] describes.
///
/// It is told what happens and when; after each event, and no later than [`deadline`](Self::deadline),
/// [`poll`](Self::poll) says what to send.
#[derive(Debug)]
pub struct Replica {
    life: Life,
    settings: Settings,
    store: Store,
    /// The other nodes, in the order of the init message.
    peers: Vec<Peer>,
    /// How many of them stand before this node in that order.
    rank: usize,
    /// When this node last passed news on as a relay.
    relayed_at: Option<Time>,
}

/// What a node has to do with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// It is this node's relay.
    Relay,
    /// This node serves it.
    Served,
    /// Nothing.
    None,
}

impl Replica {
    /// A node that holds nothing yet; `tag` keeps this life of it apart from its others.
    pub fn new(id: &NodeId, node_ids: &[NodeId], tag: u64, settings: Settings) -> Self {
        Self {
            life: Life::new(id, tag),
            settings,
            store: Store::default(),
            peers: node_ids.iter().filter(|peer| *peer != id).cloned().map(Peer::new).collect(),
            rank: node_ids.iter().position(|peer| peer == id).unwrap_or(0),
            relayed_at: None,
        }
    }

    /// Every value that is here, once.
    pub fn messages(&self) -> &[Value] {
        self.store.messages()
    }

    /// Takes a client's value, and returns its number among those that clients gave this node.
    pub fn broadcast(&mut self, value: Value) -> u64 {
        self.store.append(&self.life, value)
    }

    /// The values that clients gave this node, in the order of their numbers.
    pub fn log(&self) -> &[Value] {
        self.store.log(&self.life)
    }

    /// Whether another node holds this node's value with this number. In a lone node's cluster nobody can.
    pub fn is_copied(&self, number: u64) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|peer| peer.known.length(&self.life) >= number)
    }

    /// Takes what another node says.
    pub fn receive(&mut self, now: Time, src: &NodeId, gossip: Gossip) {
        let relay_due = self.relay_due();
        let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == *src) else { return };
        peer.follows = gossip.relay;
        peer.hear(now, &gossip.have, self.settings.round_trip);
        if gossip.urgent {
            peer.answer_by(now);
        } else if !gossip.news.is_empty() {
            let due = if peer.follows { relay_due } else { now + self.settings.answer_delay() };
            peer.answer_by(due);
        }
        self.store.join(gossip.news);
    }

    /// Answers a node that has just started, with all that is here.
    pub fn answer_sync(&mut self, now: Time, src: &NodeId) -> Gossip {
        let Some(index) = self.peers.iter().position(|peer| peer.id == *src) else {
            let (have, news) = (self.store.summary().clone(), self.store.news_for(&Summary::default()));
            return Gossip { have, news, relay: false, urgent: false };
        };
        self.peers[index].hear(now, &Summary::default(), self.settings.round_trip);
        self.compose(now, index, false)
    }

    /// What is to be sent now.
    pub fn poll(&mut self, now: Time) -> Vec<(NodeId, Gossip)> {
        self.give_up_on_the_silent(now);
        self.note_unsent(now);
        let due: Vec<usize> =
            (0..self.peers.len()).filter(|index| self.due_to(*index).is_some_and(|due| due <= now)).collect();
        let served: Vec<usize> = due.iter().copied().filter(|index| self.is_served_well(*index)).collect();
        // One answer is enough for a client that waits, and one that is asked for comes at once.
        let witness = served.first().copied().filter(|_| self.is_waited_for());
        if served.iter().any(|index| self.peers[*index].unsent_since.is_some()) {
            self.relayed_at = Some(now);
        }
        let gossip = due.into_iter().map(|index| {
            let urgent = self.peers[index].is_silent || witness == Some(index);
            (self.peers[index].id.clone(), self.compose(now, index, urgent))
        });
        gossip.collect()
    }

    /// The moment to poll again, if nothing happens before. `None` when all is settled.
    pub fn deadline(&self) -> Option<Time> {
        (0..self.peers.len()).filter_map(|index| self.due_to(index)).min()
    }

    /// Whether a client waits until another node holds its value.
    fn is_waited_for(&self) -> bool {
        self.settings.acknowledge == Acknowledge::Copied && !self.is_copied(self.log().len() as u64)
    }

    /// The first node before this one that is not silent. A node that has none is a relay for all.
    fn relay(&self) -> Option<usize> {
        self.peers[..self.rank].iter().position(|peer| !peer.is_silent)
    }

    fn link(&self, index: usize) -> Link {
        match self.relay() {
            Some(relay) if relay == index => Link::Relay,
            Some(_) if !self.peers[index].follows => Link::None,
            _ => Link::Served,
        }
    }

    fn is_served_well(&self, index: usize) -> bool {
        self.link(index) == Link::Served && !self.peers[index].is_silent
    }

    /// When this node has something to say to a peer.
    fn due_to(&self, index: usize) -> Option<Time> {
        let peer = &self.peers[index];
        let patience = self.patience(index);
        let planned = match self.link(index) {
            Link::None => None,
            Link::Relay | Link::Served if peer.is_silent => peer.sent_at.map(|at| at + patience),
            link => {
                let news_due = peer.unsent_since.map(|since| match link {
                    Link::Relay => self.due_to_relay(peer, since),
                    _ => self.relay_due(),
                });
                let doubt_due = peer.outstanding.as_ref().map(|outstanding| outstanding.since + patience);
                news_due.into_iter().chain(doubt_due).min()
            }
        };
        planned.into_iter().chain(peer.answer_due).min()
    }

    /// When this node may next pass news on as a relay. The first news after a quiet time goes at once.
    fn relay_due(&self) -> Time {
        self.relayed_at.map_or(Time::ZERO, |at| at + self.settings.interval)
    }

    /// When news that has been here since `since` goes to the relay. At once, if a client waits for it or the
    /// relay has been quiet. Otherwise so that it arrives just before the relay next passes news on; what
    /// comes too late for that waits for the time after.
    fn due_to_relay(&self, relay: &Peer, since: Time) -> Time {
        let Some(heard_at) = relay.heard_at else { return since };
        let Some(lead) = self.settings.interval.checked_sub(self.settings.round_trip) else { return since };
        let next = heard_at + lead;
        let after = heard_at + self.settings.interval + self.settings.round_trip;
        if self.is_waited_for() {
            since
        } else if since <= next {
            next
        } else {
            after.max(since)
        }
    }

    fn patience(&self, index: usize) -> Duration {
        match self.link(index) {
            Link::Relay => self.settings.relay_patience(),
            Link::Served | Link::None => self.settings.patience(),
        }
    }

    /// A node that has confirmed nothing for too long is silent: it is no relay any more, and follows none.
    fn give_up_on_the_silent(&mut self, now: Time) {
        for index in 0..self.peers.len() {
            let (link, patience) = (self.link(index), self.patience(index));
            let peer = &mut self.peers[index];
            let is_overdue =
                peer.outstanding.as_ref().is_some_and(|outstanding| outstanding.since + patience <= now);
            if link != Link::None && is_overdue && !peer.is_silent {
                tracing::debug!("{} is silent", peer.id);
                peer.is_silent = true;
                peer.follows = false;
            }
        }
    }

    fn note_unsent(&mut self, now: Time) {
        for index in 0..self.peers.len() {
            match self.link(index) {
                Link::None => self.peers[index].release(),
                Link::Relay | Link::Served => self.peers[index].note_unsent(now, self.store.summary()),
            }
        }
    }

    fn compose(&mut self, now: Time, index: usize, urgent: bool) -> Gossip {
        let relay = self.link(index) == Link::Relay;
        let peer = &mut self.peers[index];
        let have = self.store.summary().clone();
        let news = self.store.news_for(&peer.known);
        peer.note_sent(now, &have);
        Gossip { have, news, relay, urgent }
    }
}

#[cfg(test)]
mod tests;
