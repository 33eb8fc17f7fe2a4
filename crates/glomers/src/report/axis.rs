//! Scales and the labels on them.

/// Where values of one range fall on a line of the drawing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
    logarithmic: bool,
}

impl Scale {
    /// Equal differences are equal distances: values `from`…`to` fall on pixels `start`…`end`.
    pub fn linear(from: f64, to: f64, start: f64, end: f64) -> Scale {
        Scale { from, to: if to > from { to } else { from + 1.0 }, start, end, logarithmic: false }
    }

    /// Equal ratios are equal distances; both ends must be positive.
    pub fn logarithmic(from: f64, to: f64, start: f64, end: f64) -> Scale {
        let (from, to) = (from.log10(), to.log10());
        Scale { from, to: if to > from { to } else { from + 1.0 }, start, end, logarithmic: true }
    }

    /// The pixel of a value. A value beyond the range falls beyond the line.
    pub fn at(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.log10() } else { value };
        self.start + (value - self.from) / (self.to - self.from) * (self.end - self.start)
    }
}

/// A labelled place on a scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Its value, in the unit of the scale.
    pub value: f64,
    /// Its label; `None` for a line without one.
    pub label: Option<String>,
}

/// The largest of 1, 2, 5, 10, 20, … that is not above `value`, which must be positive.
pub fn round_down(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let steps = [10.0, 5.0, 2.0, 1.0];
    steps.into_iter().map(|step| step * decade).find(|step| *step <= value * (1.0 + 1e-9)).unwrap_or(decade)
}

/// The smallest of 1, 2, 5, 10, 20, … that is not below `value`, which must be positive.
pub fn round_up(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    steps
        .into_iter()
        .map(|step| step * decade)
        .find(|step| *step >= value * (1.0 - 1e-9))
        .unwrap_or(10.0 * decade)
}

/// About `count` round times from 0 to `end_s`, in seconds, labelled in the unit that suits the range.
pub fn time_ticks(end_s: f64, count: usize) -> Vec<Tick> {
    let (unit_s, unit, steps): (f64, &str, &[f64]) = match end_s {
        _ if end_s <= 1.0 => (1e-3, "ms", &[]),
        _ if end_s <= 180.0 => (1.0, "s", &[1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0]),
        _ if end_s <= 7200.0 => (60.0, "min", &[1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0]),
        _ => (3600.0, "h", &[1.0, 2.0, 3.0, 6.0, 12.0, 24.0]),
    };
    let end = end_s / unit_s;
    let ideal = end / count as f64;
    let step = steps.iter().copied().find(|step| *step >= ideal && ideal >= steps[0] * 0.5);
    let step = step.unwrap_or_else(|| if ideal > 0.0 { round_up(ideal) } else { 1.0 });
    let ticks = (end / step + 1e-9).floor() as usize;
    (0..=ticks)
        .map(|index| index as f64 * step)
        .map(|value| Tick { value: value * unit_s, label: Some(format!("{} {unit}", grouped(value))) })
        .collect()
}

/// Round values from 0 to `end`, about `count` of them.
pub fn linear_ticks(end: f64, count: usize) -> Vec<Tick> {
    let step = if end > 0.0 { round_up(end / count as f64) } else { 1.0 };
    let ticks = (end / step + 1e-9).floor() as usize;
    (0..=ticks)
        .map(|index| index as f64 * step)
        .map(|value| Tick { value, label: Some(grouped(value)) })
        .collect()
}

/// Latencies in milliseconds on a logarithmic scale. Each power of ten has a label, and where there are fewer than three of these, 2 and
/// 5 too; with many, every second power. If `fine`, all other multiples are lines without a label.
pub fn latency_ticks(from_ms: f64, to_ms: f64, fine: bool) -> Vec<Tick> {
    let (first, last) = (from_ms.log10().floor() as i32, to_ms.log10().ceil() as i32);
    let decades = to_ms.log10() - from_ms.log10();
    let mut ticks = Vec::new();
    for power in first..=last {
        for multiple in 1..10 {
            let value = f64::from(multiple) * 10f64.powi(power);
            if value < from_ms * (1.0 - 1e-9) || value > to_ms * (1.0 + 1e-9) {
                continue;
            }
            let labelled = match multiple {
                1 => decades < 5.5 || power % 2 == 0,
                2 | 5 => decades < 2.2,
                _ => false,
            };
            if !labelled && !fine && multiple != 1 {
                continue;
            }
            ticks.push(Tick { value, label: labelled.then(|| duration_label(value)) });
        }
    }
    ticks
}

/// A duration in milliseconds, in the unit that suits it: `250 µs`, `1.5 ms`, `10 s`.
///
/// ```
/// use glomers::report::axis::duration_label;
/// assert_eq!(duration_label(0.25), "250 µs");
/// assert_eq!(duration_label(12.345), "12.3 ms");
/// assert_eq!(duration_label(5000.0), "5 s");
/// ```
pub fn duration_label(duration_ms: f64) -> String {
    let (value, unit) = match duration_ms {
        _ if duration_ms < 0.9995 => (duration_ms * 1e3, "µs"),
        _ if duration_ms < 999.5 => (duration_ms, "ms"),
        _ if duration_ms < 600_000.0 => (duration_ms / 1e3, "s"),
        _ => (duration_ms / 60e3, "min"),
    };
    format!("{} {unit}", grouped(three_figures(value)))
}

/// A number with groups of three digits, and at most three decimals.
///
/// ```
/// use glomers::report::axis::grouped;
/// assert_eq!(grouped(1234567.0), "1,234,567");
/// assert_eq!(grouped(0.25), "0.25");
/// ```
pub fn grouped(value: f64) -> String {
    let text = format!("{:.3}", value.abs());
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::with_capacity(text.len() + 4);
    if value < 0.0 && text != "0" {
        out.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

/// A positive value rounded to three significant figures.
fn three_figures(value: f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let unit = 10f64.powi(value.log10().floor() as i32 - 2);
    if unit >= 1.0 { (value / unit).round() * unit } else { (value / unit).round() / (1.0 / unit).round() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().filter_map(|tick| tick.label.as_deref()).collect()
    }

    #[test]
    fn times_are_labelled_in_the_unit_of_their_range() {
        assert_eq!(labels(&time_ticks(60.0, 7)), ["0 s", "10 s", "20 s", "30 s", "40 s", "50 s", "60 s"]);
        assert_eq!(labels(&time_ticks(0.05, 5)), ["0 ms", "10 ms", "20 ms", "30 ms", "40 ms", "50 ms"]);
        assert_eq!(
            labels(&time_ticks(1800.0, 6)),
            ["0 min", "5 min", "10 min", "15 min", "20 min", "25 min", "30 min"]
        );
        assert_eq!(labels(&time_ticks(36_000.0, 5)), ["0 h", "2 h", "4 h", "6 h", "8 h", "10 h"]);
    }

    #[test]
    fn an_empty_range_still_has_a_tick() {
        assert!(!time_ticks(0.0, 8).is_empty());
        assert!(!linear_ticks(0.0, 4).is_empty());
    }

    #[test]
    fn latencies_are_labelled_by_powers_of_ten_and_finer_where_few() {
        assert_eq!(labels(&latency_ticks(0.1, 1000.0, true)), ["100 µs", "1 ms", "10 ms", "100 ms", "1 s"]);
        assert_eq!(labels(&latency_ticks(1.0, 20.0, true)), ["1 ms", "2 ms", "5 ms", "10 ms", "20 ms"]);
    }

    #[test]
    fn rounding_follows_one_two_five() {
        assert_eq!([0.3, 7.0, 20.0].map(round_down), [0.2, 5.0, 20.0]);
        assert_eq!([0.3, 7.0, 20.0].map(round_up), [0.5, 10.0, 20.0]);
    }

    #[test]
    fn scales_place_their_ends() {
        let scale = Scale::logarithmic(1.0, 100.0, 200.0, 0.0);
        assert_eq!([1.0, 10.0, 100.0].map(|value| scale.at(value)), [200.0, 100.0, 0.0]);
        assert_eq!(Scale::linear(0.0, 0.0, 0.0, 10.0).at(0.0), 0.0);
    }
}
