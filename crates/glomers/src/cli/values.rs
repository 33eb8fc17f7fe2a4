//! The values of options: with a unit, or in the unit of Maelstrom's option.

use std::time::Duration;

use glomers_check::{AvailabilityGoal, Value};

/// The longest time that an option takes.
const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

/// A time in seconds: `10`, `1.5`, `10s`, `500ms`, `2m`, `1h`.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    duration(text, 1.0)
        .ok_or_else(|| "expected seconds, such as 10, 1.5s, 500ms or 2m, at most a year".to_owned())
}

/// A time above zero, in seconds.
pub(crate) fn positive_seconds(text: &str) -> Result<Duration, String> {
    let time = seconds(text)?;
    if time.is_zero() { Err("expected a time above 0".to_owned()) } else { Ok(time) }
}

/// A time in milliseconds: `100`, `0.5`, `100ms`, `2s`.
pub(crate) fn milliseconds(text: &str) -> Result<Duration, String> {
    duration(text, 1e-3).ok_or_else(|| "expected milliseconds, such as 100, 0.5ms or 2s".to_owned())
}

/// A rate: `5`, `0.5`, `100/s`, `100Hz`.
pub(crate) fn rate_hz(text: &str) -> Result<f64, String> {
    let number = ["hz", "Hz", "/s"].iter().find_map(|unit| text.strip_suffix(unit)).unwrap_or(text);
    match number.trim().parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 0.0 => Ok(rate),
        _ => Err("expected operations a second, such as 5, 0.5 or 100/s".to_owned()),
    }
}

/// `total`, or a share.
pub(crate) fn availability(text: &str) -> Result<AvailabilityGoal, String> {
    if text == "total" {
        return Ok(AvailabilityGoal::Total);
    }
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(AvailabilityGoal::Fraction(share)),
        _ => Err("expected `total` or a number from 0 to 1".to_owned()),
    }
}

/// A value as EDN, such as `0` or `nil`.
pub(crate) fn edn(text: &str) -> Result<Value, String> {
    glomers_check::edn::read(text)
        .map_err(|error| format!("expected one EDN value, such as 0 or nil: {error}"))
}

/// `default_unit_s` is the unit of a number without one, in seconds.
fn duration(text: &str, default_unit_s: f64) -> Option<Duration> {
    // `ms` comes before the units that it ends like.
    let units = [("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let (number, unit_s) = units
        .iter()
        .find_map(|(name, unit_s)| Some((text.strip_suffix(name)?, *unit_s)))
        .unwrap_or((text, default_unit_s));
    let number: f64 = number.trim().parse().ok()?;
    Duration::try_from_secs_f64(number * unit_s).ok().filter(|time| *time <= YEAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_unit_that_is_typed_or_that_of_the_option() {
        for (text, expected_ms) in [
            ("10", 10_000),
            ("1.5", 1500),
            ("10s", 10_000),
            ("500ms", 500),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(seconds(text), Ok(Duration::from_millis(expected_ms)), "{text}");
        }
        assert_eq!(milliseconds("100"), Ok(Duration::from_millis(100)));
        assert_eq!(milliseconds("0.5"), Ok(Duration::from_micros(500)));
        assert_eq!(milliseconds("2s"), Ok(Duration::from_secs(2)));
        for wrong in ["", "s", "-1", "x", "1d", "NaN", "inf", "1e99h", "ten"] {
            assert!(seconds(wrong).is_err(), "{wrong:?} was accepted");
            assert!(milliseconds(wrong).is_err(), "{wrong:?} was accepted");
        }
        assert!(positive_seconds("0").is_err());
    }

    #[test]
    fn rates_are_operations_a_second() {
        assert_eq!((rate_hz("5"), rate_hz("0.5/s"), rate_hz("100 Hz")), (Ok(5.0), Ok(0.5), Ok(100.0)));
        assert!(rate_hz("-1").is_err() && rate_hz("NaN").is_err() && rate_hz("fast").is_err());
    }
}
