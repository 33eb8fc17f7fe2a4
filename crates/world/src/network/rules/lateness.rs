//! Messages that arrive late.

use std::time::Duration;

use glomers_node::Random;

use super::{Links, Packet, Rule, Verdict};

/// Holds some messages between nodes up, so that later ones overtake them.
#[derive(Debug, Clone, Copy)]
pub struct Reordering {
    /// How likely a message is held up, from 0 to 1.
    pub probability: f64,
    /// The longest hold-up; every shorter one is as likely.
    pub delay: Duration,
}

impl Rule for Reordering {
    fn name(&self) -> &'static str {
        "reordering"
    }

    fn description(&self) -> String {
        let delay_ms = self.delay.as_secs_f64() * 1e3;
        format!(
            "each message between nodes is held up with probability {}, by up to {delay_ms} ms",
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

/// Makes some links slow. All messages on them are late by the same, so that they keep their order.
#[derive(Debug, Clone)]
pub struct Slowness {
    /// The links that are slow.
    pub links: Links,
    /// How much later messages arrive on them than on others.
    pub delay: Duration,
}

impl Rule for Slowness {
    fn name(&self) -> &'static str {
        "slowness"
    }

    fn description(&self) -> String {
        let delay_ms = self.delay.as_secs_f64() * 1e3;
        format!("messages are {delay_ms} ms late from {}", self.links)
    }

    fn on_send(&mut self, packet: &Packet<'_>, _random: &mut Random) -> Verdict {
        if self.links.contain(packet) { Verdict::Delay(self.delay) } else { Verdict::Pass }
    }
}
