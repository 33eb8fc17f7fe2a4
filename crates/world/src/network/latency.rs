//! How long a message is under way.

use std::time::Duration;

use glomers_node::Random;
use serde::{Deserialize, Serialize};

/// The latency of the links between nodes and services. Links to and from clients have none: latency there hides anomalies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The mean, in milliseconds. Zero takes the direct path, which keeps no message waiting.
    pub mean_ms: f64,
    /// How the latencies lie around the mean.
    pub distribution: LatencyDistribution,
}

/// How latencies lie around their mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LatencyDistribution {
    /// Always the mean.
    Constant,
    /// Anything between nothing and twice the mean, each as likely.
    Uniform,
    /// Mostly short, now and then very long.
    Exponential,
}

impl Latency {
    /// No latency at all.
    pub const NONE: Self = Self { mean_ms: 0.0, distribution: LatencyDistribution::Constant };

    /// Always this many milliseconds.
    pub const fn constant_ms(mean_ms: f64) -> Self {
        Self { mean_ms, distribution: LatencyDistribution::Constant }
    }

    /// Draws one message's latency. Costs one draw, also where the distribution is constant, so that changing the distribution
    /// leaves every other decision of the stream where it was; costs none where there is no latency.
    pub fn draw(&self, random: &mut Random) -> Duration {
        if self.is_none() {
            return Duration::ZERO;
        }
        let latency_ms = match self.distribution {
            LatencyDistribution::Constant => {
                random.next_u64();
                self.mean_ms
            }
            LatencyDistribution::Uniform => 2.0 * self.mean_ms * random.f64(),
            LatencyDistribution::Exponential => random.exponential(self.mean_ms),
        };
        // The cast saturates: a latency that is not a number or beyond all bounds never panics.
        Duration::from_nanos((latency_ms * 1e6) as u64)
    }

    /// Whether every draw is zero.
    pub fn is_none(&self) -> bool {
        self.mean_ms <= 0.0
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::{Latency, LatencyDistribution};
    use glomers_node::Random;

    fn mean_of_draws_ms(distribution: LatencyDistribution) -> (f64, f64) {
        let latency = Latency { mean_ms: 100.0, distribution };
        let mut random = Random::derive(7, "network");
        let draws: Vec<f64> = (0..20_000).map(|_| latency.draw(&mut random).as_secs_f64() * 1e3).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        (mean, draws.iter().copied().fold(0.0, f64::max))
    }

    #[test]
    fn every_distribution_keeps_its_mean() {
        for distribution in
            [LatencyDistribution::Constant, LatencyDistribution::Uniform, LatencyDistribution::Exponential]
        {
            let (mean_ms, _) = mean_of_draws_ms(distribution);
            assert!((mean_ms - 100.0).abs() < 3.0, "{distribution:?} has mean {mean_ms}");
        }
    }

    #[test]
    fn uniform_ends_at_twice_the_mean_and_exponential_does_not() {
        assert!(mean_of_draws_ms(LatencyDistribution::Uniform).1 <= 200.0);
        assert!(mean_of_draws_ms(LatencyDistribution::Exponential).1 > 500.0);
    }
}
