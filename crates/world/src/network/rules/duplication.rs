//! Messages that arrive twice.

use std::time::Duration;

use glomers_node::Random;

use super::{Packet, Rule, Verdict};

/// Delivers messages between nodes twice, at random.
#[derive(Debug, Clone, Copy)]
pub struct Duplication {
    /// How likely a message arrives a second time, from 0 to 1.
    pub probability: f64,
    /// The copy is late by up to this much, each lag as likely.
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
