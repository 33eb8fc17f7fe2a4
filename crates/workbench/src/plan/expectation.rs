//! Limits for the figures of a run: `net.servers.msgs-per-op<20`, `stable-latency.p50<400ms`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A figure and its limit, as in `--expect 'net.servers.msgs-per-op<20'`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expectation {
    text: String,
    figure: Figure,
    comparison: Comparison,
    bound: f64,
}

/// A number among the results, named by its path through the results map.
///
/// Two names are short for others: `stable-latency` is `workload.stable-latencies`, and `latency` is how long the successful operations
/// took, which the map does not hold. In a map of quantiles `p50` is the entry 0.5, `p5` is 0.05, `p999` is 0.999, and `max` is 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    path: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

/// The comparison signs. `<=` comes before `<`, so that the longer sign is found first.
const COMPARISONS: [(&str, Comparison); 7] = [
    ("<=", Comparison::AtMost),
    ("≤", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("≥", Comparison::AtLeast),
    ("<", Comparison::Less),
    (">", Comparison::More),
    ("=", Comparison::Equal),
];

/// Why a text is not an expectation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpectationError {
    /// It has no comparison sign.
    #[error("{text:?} is not a comparison: {EXAMPLE}")]
    NoComparison {
        /// What was written.
        text: String,
    },
    /// It names no figure, or one that no run has.
    #[error("{text:?} does not name a figure: {reason}; {EXAMPLE}")]
    Figure {
        /// What was written.
        text: String,
        /// What is wrong with the name.
        reason: String,
    },
    /// The limit is not a number, or has a unit that the figure does not.
    #[error("{text:?} compares with {bound:?} instead of {expected}: {EXAMPLE}")]
    Bound {
        /// What was written.
        text: String,
        /// The part after the comparison sign.
        bound: String,
        /// What it may be.
        expected: &'static str,
    },
}

const EXAMPLE: &str = "write it like net.servers.msgs-per-op<20 or stable-latency.p50<400ms";

/// The quantiles of `latency`.
pub(crate) const LATENCY_QUANTILES: [&str; 4] = ["p50", "p95", "p99", "max"];
const MESSAGE_COUNTS: [&str; 4] = ["send-count", "recv-count", "msg-count", "msgs-per-op"];
const OPERATION_COUNTS: [&str; 4] = ["count", "ok-count", "fail-count", "info-count"];

impl Expectation {
    /// The figure.
    pub fn figure(&self) -> &Figure {
        &self.figure
    }

    /// Whether a figure is within the limit.
    pub fn is_met_by(&self, figure: f64) -> bool {
        match self.comparison {
            Comparison::Less => figure < self.bound,
            Comparison::AtMost => figure <= self.bound,
            Comparison::Equal => figure == self.bound,
            Comparison::AtLeast => figure >= self.bound,
            Comparison::More => figure > self.bound,
        }
    }

    /// The share of the limit that a figure leaves: 0.25 for 15 where 20 is the most. Negative where the limit is exceeded. `None`
    /// unless the limit is an upper one above zero.
    pub fn margin(&self, figure: f64) -> Option<f64> {
        let is_upper = matches!(self.comparison, Comparison::Less | Comparison::AtMost) && self.bound > 0.0;
        is_upper.then(|| 1.0 - figure / self.bound)
    }
}

impl Figure {
    /// The parts of its name, with the short names replaced.
    pub(crate) fn path(&self) -> &[String] {
        &self.path
    }

    /// The quantile of the successful operations' latency that this is, one of [`LATENCY_QUANTILES`].
    pub(crate) fn latency_quantile(&self) -> Option<&str> {
        match self.path.as_slice() {
            [latency, quantile] if latency == "latency" => Some(quantile),
            _ => None,
        }
    }

    /// Whether it is a time, in milliseconds.
    pub(crate) fn is_duration(&self) -> bool {
        self.path.iter().any(|part| part.contains("latenc"))
    }

    /// Names that no run has are refused at once. The names in a workload's own results are known only at the end.
    fn check(path: &[&str]) -> Result<(), String> {
        let one_of = |part: &str, known: &[&str]| {
            if known.contains(&part) {
                Ok(())
            } else {
                Err(format!("{part:?} is not one of {}", known.join(", ")))
            }
        };
        match path {
            [] | [""] => Err("its name is missing".to_owned()),
            path if path.contains(&"") => Err("a part of its name is empty".to_owned()),
            ["latency", rest @ ..] => match rest {
                [quantile] => one_of(quantile, &LATENCY_QUANTILES),
                _ => Err(format!("latency has {}", LATENCY_QUANTILES.join(", "))),
            },
            ["stable-latency", rest @ ..] => match rest {
                [part] if quantile(part).is_some() => Ok(()),
                _ => Err("stable-latency has quantiles such as p50, p95, p99 and max".to_owned()),
            },
            ["net", rest @ ..] => match rest {
                [links, count] => {
                    one_of(links, &["all", "clients", "servers"])?;
                    let counts = if *links == "clients" { &MESSAGE_COUNTS[..3] } else { &MESSAGE_COUNTS[..] };
                    one_of(count, counts)
                }
                _ => Err("net has figures such as net.servers.msgs-per-op".to_owned()),
            },
            ["stats", "by-f", _, count] => one_of(count, &OPERATION_COUNTS),
            ["stats", count] => one_of(count, &OPERATION_COUNTS),
            ["stats", ..] => Err("stats has figures such as stats.ok-count".to_owned()),
            ["availability", rest @ ..] => match rest {
                ["ok-fraction"] => Ok(()),
                _ => Err("availability has the figure availability.ok-fraction".to_owned()),
            },
            ["workload", _, ..] => Ok(()),
            [first, ..] => {
                one_of(first, &["availability", "latency", "net", "stable-latency", "stats", "workload"])
            }
        }
    }
}

impl FromStr for Figure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.trim_start_matches(':').split('.').collect();
        Self::check(&parts)?;
        let path = match parts.as_slice() {
            ["stable-latency", rest @ ..] => [&["workload", "stable-latencies"], rest].concat(),
            _ => parts,
        };
        Ok(Self { path: path.into_iter().map(str::to_owned).collect() })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.path.join("."))
    }
}

/// The quantile that a part of a path names: `p50` is 0.5, `p5` 0.05, `p999` 0.999, `p100` and `max` 1.
pub(crate) fn quantile(part: &str) -> Option<f64> {
    if part == "max" {
        return Some(1.0);
    }
    let digits = part.strip_prefix('p')?;
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    match (digits, digits.len()) {
        ("100", _) => Some(1.0),
        (_, 1) => format!("0.0{digits}").parse().ok(),
        _ => format!("0.{digits}").parse().ok(),
    }
}

impl FromStr for Expectation {
    type Err = ExpectationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let compact: String = text.chars().filter(|character| !character.is_whitespace()).collect();
        let Some(place) = compact.find(['<', '>', '=', '≤', '≥']) else {
            return Err(ExpectationError::NoComparison { text: text.to_owned() });
        };
        let (figure, rest) = compact.split_at(place);
        let (sign, comparison) = COMPARISONS
            .iter()
            .find(|(sign, _)| rest.starts_with(sign))
            .expect("one of the signs was found here");
        let bound = rest[sign.len()..].trim_start_matches('=');
        let figure: Figure =
            figure.parse().map_err(|reason| ExpectationError::Figure { text: text.to_owned(), reason })?;
        let bound = parse_bound(bound, figure.is_duration()).ok_or_else(|| ExpectationError::Bound {
            text: text.to_owned(),
            bound: bound.to_owned(),
            expected: if figure.is_duration() {
                "a number of milliseconds, or a number with ms or s"
            } else {
                "a number"
            },
        })?;
        Ok(Self { text: compact, figure, comparison: *comparison, bound })
    }
}

impl TryFrom<String> for Expectation {
    type Error = ExpectationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Expectation> for String {
    fn from(expectation: Expectation) -> Self {
        expectation.text
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Latencies are in milliseconds, and may be given in seconds.
fn parse_bound(text: &str, is_duration: bool) -> Option<f64> {
    let (number, factor) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) if is_duration => (number, 1.0),
        (None, Some(number)) if is_duration => (number, 1000.0),
        _ => (text, 1.0),
    };
    number.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_read_as_people_write_them() {
        for (part, expected) in
            [("p50", 0.5), ("p5", 0.05), ("p05", 0.05), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)]
        {
            assert_eq!(quantile(part), Some(expected), "{part}");
        }
        assert_eq!((quantile("p100"), quantile("max"), quantile("p0")), (Some(1.0), Some(1.0), Some(0.0)));
        for wrong in ["p", "pmax", "p5.0", "50", "p-5"] {
            assert_eq!(quantile(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_compares_nothing_is_refused_with_an_example() {
        for wrong in
            ["net", "<5", "a..b<5", "net.all.msgs-per-op<many", "net.all.msgs-per-op<20ms", "latency.p50<1h"]
        {
            let error = wrong.parse::<Expectation>().expect_err(wrong).to_string();
            assert!(error.contains("stable-latency.p50<400ms"), "{error}");
        }
    }

    #[test]
    fn a_figure_that_no_run_has_is_refused_before_the_run() {
        for wrong in [
            "net.server.msgs-per-op<1",
            "net.servers.messages<1",
            "net.clients.msgs-per-op<1",
            "latencies.p50<1",
            "latency.p90<1",
            "stable-latency.median<1",
            "stats.ok<1",
            "availability<1",
            "msgs-per-op<1",
        ] {
            let error = wrong.parse::<Expectation>().expect_err(wrong);
            assert!(matches!(error, ExpectationError::Figure { .. }), "{wrong}: {error}");
        }
        for right in ["stats.by-f.echo.ok-count>1", "workload.lost-count=0", ":net.all.msg-count>1"] {
            right.parse::<Expectation>().expect(right);
        }
    }
}
