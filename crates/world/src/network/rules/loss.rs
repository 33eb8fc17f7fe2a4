//! Messages that get lost by chance.

use glomers_node::Random;

use super::{Links, Packet, Rule, Verdict};
use crate::network::DropReason;

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
        draw_loss(packet.is_between_nodes(), self.probability, random)
    }
}

/// Loses messages on some links at random, as a bad cable does.
#[derive(Debug, Clone)]
pub struct Flakiness {
    /// The links that are flaky.
    pub links: Links,
    /// How likely a message on them is lost, from 0 to 1.
    pub probability: f64,
}

impl Rule for Flakiness {
    fn name(&self) -> &'static str {
        "flakiness"
    }

    fn description(&self) -> String {
        format!("each message is lost with probability {} from {}", self.probability, self.links)
    }

    fn on_send(&mut self, packet: &Packet<'_>, random: &mut Random) -> Verdict {
        draw_loss(self.links.contain(packet), self.probability, random)
    }
}

fn draw_loss(is_struck: bool, probability: f64, random: &mut Random) -> Verdict {
    if is_struck && random.chance(probability) { Verdict::Drop(DropReason::Loss) } else { Verdict::Pass }
}
