//! How fast, how sparing and how careful a node is.

use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

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
    pub const LOW_TRAFFIC: Self = Self {
        interval: Duration::from_millis(1500),
        acknowledge: Acknowledge::AtOnce,
        round_trip: Duration::from_millis(250),
    };

    /// Reads `--profile low-latency|low-traffic` (the former unless told), and then, to change one of its
    /// values, `--interval-ms`, `--acknowledge at-once|copied|stored` and `--round-trip-ms`.
    ///
    /// # Errors
    /// [`ArgumentError`], when an argument is not known, or its value is missing or does not fit.
    ///
    /// ```
    /// use broadcast::{Acknowledge, Settings};
    ///
    /// let settings = Settings::from_arguments(["--profile", "low-traffic", "--interval-ms", "450"])?;
    /// assert_eq!(settings.interval.as_millis(), 450);
    /// assert_eq!(settings.acknowledge, Acknowledge::AtOnce);
    /// # Ok::<(), broadcast::ArgumentError>(())
    /// ```
    pub fn from_arguments<S: AsRef<str>>(
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<Self, ArgumentError> {
        let mut arguments = arguments.into_iter();
        let mut settings = Self::LOW_LATENCY;
        let (mut interval_ms, mut acknowledge, mut round_trip_ms) =
            (None::<NonZeroU64>, None, None::<NonZeroU64>);
        while let Some(option) = arguments.next() {
            let option = option.as_ref();
            let mut value = || arguments.next().ok_or_else(|| ArgumentError::Missing(option.to_owned()));
            match option {
                "--profile" => settings = profile(value()?.as_ref())?,
                "--interval-ms" => interval_ms = Some(number(option, value()?.as_ref())?),
                "--acknowledge" => acknowledge = Some(acknowledgement(value()?.as_ref())?),
                "--round-trip-ms" => round_trip_ms = Some(number(option, value()?.as_ref())?),
                _ => return Err(ArgumentError::Unknown(option.to_owned())),
            }
        }
        Ok(Self {
            interval: interval_ms.map_or(settings.interval, |ms| Duration::from_millis(ms.get())),
            acknowledge: acknowledge.unwrap_or(settings.acknowledge),
            round_trip: round_trip_ms.map_or(settings.round_trip, |ms| Duration::from_millis(ms.get())),
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

/// Why the node's arguments can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ArgumentError {
    /// There is no such option.
    #[error(
        "there is no option {0:?}; there are --profile, --interval-ms, --acknowledge and --round-trip-ms"
    )]
    Unknown(String),
    /// The option is the last word.
    #[error("{0} needs a value after it")]
    Missing(String),
    /// There is no such profile.
    #[error("there is no profile {0:?}; there are low-latency and low-traffic")]
    Profile(String),
    /// There is no such acknowledgement.
    #[error("--acknowledge is at-once, copied or stored, and not {0:?}")]
    Acknowledge(String),
    /// The value is no number that fits.
    #[error("{option} needs a positive whole number, and {value:?} is none")]
    Number {
        /// The option.
        option: String,
        /// What stands after it.
        value: String,
    },
}

fn profile(name: &str) -> Result<Settings, ArgumentError> {
    match name {
        "low-latency" => Ok(Settings::LOW_LATENCY),
        "low-traffic" => Ok(Settings::LOW_TRAFFIC),
        _ => Err(ArgumentError::Profile(name.to_owned())),
    }
}

fn acknowledgement(name: &str) -> Result<Acknowledge, ArgumentError> {
    match name {
        "at-once" => Ok(Acknowledge::AtOnce),
        "copied" => Ok(Acknowledge::Copied),
        "stored" => Ok(Acknowledge::Stored),
        _ => Err(ArgumentError::Acknowledge(name.to_owned())),
    }
}

fn number<N: FromStr>(option: &str, value: &str) -> Result<N, ArgumentError> {
    value.parse().map_err(|_| ArgumentError::Number { option: option.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_arguments_a_node_is_fast_and_careful() {
        assert_eq!(Settings::from_arguments::<&str>([]), Ok(Settings::LOW_LATENCY));
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
        for (arguments, sentence) in [
            (&["--speed", "9"][..], "there is no option \"--speed\"; there are --profile"),
            (&["--acknowledge"], "--acknowledge needs a value after it"),
            (&["--profile", "fast"], "there is no profile \"fast\"; there are low-latency and low-traffic"),
            (&["--acknowledge", "2"], "--acknowledge is at-once, copied or stored, and not \"2\""),
            (&["--interval-ms", "0"], "--interval-ms needs a positive whole number, and \"0\" is none"),
            (&["--interval-ms", "1.5"], "--interval-ms needs a positive whole number"),
        ] {
            let error = Settings::from_arguments(arguments).unwrap_err().to_string();
            assert!(error.starts_with(sentence), "{error}");
        }
    }
}
