//! Durations as text, exactly: `2s`, `1.25ms`, `1.000000001s`.

use std::{fmt, str::FromStr, time::Duration};

/// A duration that is written with its unit, without rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) Duration);

/// Why a text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpanError {
    /// It is not a number with a unit.
    Malformed,
    /// It is more than a day.
    TooLong,
}

impl SpanError {
    /// What was expected instead.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Malformed => "a time with its unit, such as 2s or 200ms",
            Self::TooLong => "a time of at most a day",
        }
    }
}

const MAX_NS: u64 = 86_400_000_000_000;

impl Span {
    /// A number and its unit, as two texts.
    pub(crate) fn parse(number: &str, unit: &str) -> Result<Self, SpanError> {
        let unit_ns: u64 = match unit {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "min" => 60_000_000_000,
            _ => return Err(SpanError::Malformed),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
            return Err(SpanError::Malformed);
        }
        let whole_ns = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(unit_ns));
        let scale = 10_u64.pow(fraction.len() as u32);
        let fraction: u64 = fraction.parse().map_err(|_| SpanError::Malformed)?;
        let part_ns = u128::from(fraction) * u128::from(unit_ns) / u128::from(scale);
        match whole_ns.and_then(|whole_ns| whole_ns.checked_add(part_ns as u64)) {
            Some(ns) if ns <= MAX_NS => Ok(Self(Duration::from_nanos(ns))),
            _ => Err(SpanError::TooLong),
        }
    }

    /// The number and the unit of a text such as `2s`; the unit is empty where the text has none.
    pub(crate) fn split(text: &str) -> (&str, &str) {
        let number = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
        text.split_at(number.len())
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let (number, unit) = Self::split(text);
        Self::parse(number, unit)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0.as_nanos();
        let (unit_ns, digits, unit) =
            if ns > 0 && ns < 1_000_000_000 { (1_000_000, 6, "ms") } else { (1_000_000_000, 9, "s") };
        let (whole, rest) = (ns / unit_ns, ns % unit_ns);
        if rest == 0 {
            return write!(formatter, "{whole}{unit}");
        }
        let rest = format!("{rest:0digits$}");
        write!(formatter, "{whole}.{}{unit}", rest.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_read_as_it_was_written() {
        for (ns, text) in [
            (0, "0s"),
            (1, "0.000001ms"),
            (1_250_000, "1.25ms"),
            (999_999_999, "999.999999ms"),
            (1_000_000_000, "1s"),
            (1_000_000_001, "1.000000001s"),
            (MAX_NS, "86400s"),
        ] {
            let span = Span(Duration::from_nanos(ns));
            assert_eq!(span.to_string(), text);
            assert_eq!(text.parse(), Ok(span));
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "s", "1", "1.s", ".5s", "-1s", "1 s", "1S", "1h", "1e3s", "0.1234567891s", "é"] {
            assert_eq!(text.parse::<Span>(), Err(SpanError::Malformed), "{text:?}");
        }
        for text in ["86401s", "99999999999999999999s", "1441min"] {
            assert_eq!(text.parse::<Span>(), Err(SpanError::TooLong), "{text:?}");
        }
    }
}
