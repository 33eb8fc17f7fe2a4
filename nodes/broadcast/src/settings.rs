//! How fast, how sparing and how careful a node is.

use std::ffi::OsString;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use lexopt::prelude::*;

/// When a client hears that its value has been broadcast, and so what it may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledge {
    /// As soon as this node holds the value. A value that is acknowledged is lost if the node dies before it
    /// has told another.
    AtOnce,
    /// When another node holds it too. It is lost if both die before they have told a third. A lone node
    /// acknowledges at once.
    Copied,
    /// When `lin-kv` holds it. It is never lost, and every value that the node's clients gave it comes back
    /// with the node.
    Stored,
}

/// How fast, how sparing and how careful a node is. All nodes of a cluster have the same settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// A relay passes values on at most once in this time, and then all that have come meanwhile.
    pub interval: Duration,
    /// When a client hears `broadcast_ok`.
    pub acknowledge: Acknowledge,
    /// How long a message and its answer are usually on their way together, with something to spare. Slower
    /// networks cost messages sent twice, and nothing else.
    pub round_trip: Duration,
}

impl Settings {
    /// Values spread at once, and survive all nodes: challenges 3a to 3d.
    pub const LOW_LATENCY: Self = Self {
        interval: Duration::from_millis(80),
        acknowledge: Acknowledge::Stored,
        round_trip: Duration::from_millis(250),
    };

    /// Values wait for company, and are acknowledged at once: challenge 3e.
    ///
    /// A value may miss the relay's next round where its node runs late, and then takes another interval. The round trip has 200 ms to
    /// spare on the challenge's network, so that this is rare on a busy machine too; and the interval is short enough that a value which
    /// misses a round seldom takes two seconds.
    pub const LOW_TRAFFIC: Self = Self {
        interval: Duration::from_millis(1000),
        acknowledge: Acknowledge::AtOnce,
        round_trip: Duration::from_millis(400),
    };

    /// Reads `--profile low-latency|low-traffic` (the former by default), and then, to change one of its values,
    /// `--interval-ms`, `--acknowledge at-once|copied|stored` and `--round-trip-ms`.
    ///
    /// # Errors
    /// When an argument is not known, or its value is missing or does not fit.
    ///
    /// ```
    /// use broadcast::{Acknowledge, Settings};
    ///
    /// let settings = Settings::from_arguments(["--profile", "low-traffic", "--interval-ms=450"])?;
    /// assert_eq!(settings.interval.as_millis(), 450);
    /// assert_eq!(settings.acknowledge, Acknowledge::AtOnce);
    /// # Ok::<(), lexopt::Error>(())
    /// ```
    pub fn from_arguments<S: Into<OsString>>(
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<Self, lexopt::Error> {
        let mut parser = lexopt::Parser::from_args(arguments.into_iter().map(Into::into));
        let mut settings = Self::LOW_LATENCY;
        let (mut interval, mut acknowledge, mut round_trip) = (None, None, None);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("profile") => settings = parser.value()?.parse_with(profile)?,
                Long("interval-ms") => interval = Some(parser.value()?.parse_with(milliseconds)?),
                Long("acknowledge") => acknowledge = Some(parser.value()?.parse()?),
                Long("round-trip-ms") => round_trip = Some(parser.value()?.parse_with(milliseconds)?),
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(Self {
            interval: interval.unwrap_or(settings.interval),
            acknowledge: acknowledge.unwrap_or(settings.acknowledge),
            round_trip: round_trip.unwrap_or(settings.round_trip),
        })
    }

    /// How long news may wait for a message that goes the same way, when nobody asked for an answer.
    pub(crate) fn answer_delay(&self) -> Duration {
        const SHORTEST: Duration = Duration::from_secs(1);
        (2 * self.interval).max(SHORTEST)
    }

    /// How long a relay may be silent after it was sent something.
    pub(crate) fn relay_patience(&self) -> Duration {
        self.interval + 2 * self.round_trip
    }

    /// How long another node may be silent after it was sent something.
    pub(crate) fn patience(&self) -> Duration {
        self.answer_delay() + 2 * self.round_trip
    }
}

fn profile(name: &str) -> Result<Settings, &'static str> {
    match name {
        "low-latency" => Ok(Settings::LOW_LATENCY),
        "low-traffic" => Ok(Settings::LOW_TRAFFIC),
        _ => Err("the profiles are low-latency and low-traffic"),
    }
}

impl FromStr for Acknowledge {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "at-once" => Ok(Self::AtOnce),
            "copied" => Ok(Self::Copied),
            "stored" => Ok(Self::Stored),
            _ => Err("a node acknowledges at-once, copied or stored"),
        }
    }
}

fn milliseconds(text: &str) -> Result<Duration, &'static str> {
    let ms: NonZeroU64 = text.parse().map_err(|_| "expected a positive whole number of milliseconds")?;
    Ok(Duration::from_millis(ms.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_arguments_a_node_is_fast_and_careful() {
        assert_eq!(Settings::from_arguments::<&str>([]).unwrap(), Settings::LOW_LATENCY);
    }

    #[test]
    fn a_single_value_changes_its_profile_wherever_it_stands() {
        let settings =
            Settings::from_arguments(["--acknowledge", "copied", "--profile", "low-traffic"]).unwrap();
        assert_eq!(settings.acknowledge, Acknowledge::Copied);
        assert_eq!(settings.interval, Settings::LOW_TRAFFIC.interval);
    }

    #[test]
    fn what_does_not_fit_is_refused_in_a_sentence() {
        for (arguments, words) in [
            (&["--speed", "9"][..], &["--speed"][..]),
            (&["9"], &["9"]),
            (&["--acknowledge"], &["--acknowledge", "missing"]),
            (&["--profile", "fast"], &["fast", "low-latency and low-traffic"]),
            (&["--acknowledge", "2"], &["2", "at-once, copied or stored"]),
            (&["--interval-ms", "0"], &["0", "positive whole number of milliseconds"]),
            (&["--interval-ms", "1.5"], &["1.5", "positive whole number"]),
        ] {
            let error = Settings::from_arguments(arguments).unwrap_err().to_string();
            for word in words {
                assert!(error.contains(word), "{error:?} does not say {word:?}");
            }
        }
    }
}
