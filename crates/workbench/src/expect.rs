//! Thresholds that a run is held to: `net.servers.msgs-per-op<20`, `stable-latency.p50<400ms`.
//!
//! A figure is named by its path through the results map. Some have shorter names: `stable-latency` is `workload.stable-latencies`, and
//! `latency` is how long the successful operations took, which the map does not hold. In a map of quantiles `p50` is the entry 0.5,
//! and `max` the entry 1.

use std::{fmt, str::FromStr};

use glomers_check::{Finding, Validity, Value};
use serde::{Deserialize, Serialize};

use crate::{analysis::Results, report::perf::Latencies};

/// A figure and what it must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expectation {
    text: String,
    figure: Vec<String>,
    comparison: Comparison,
    bound: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

/// The signs, longer ones before those that they begin with.
const COMPARISONS: [(&str, Comparison); 7] = [
    ("<=", Comparison::AtMost),
    ("≤", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("≥", Comparison::AtLeast),
    ("<", Comparison::Less),
    (">", Comparison::More),
    ("=", Comparison::Equal),
];

/// How a run stands to an expectation.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The expectation, as it was written.
    pub expectation: String,
    /// What the figure was, if the run has such a figure.
    pub figure: Option<f64>,
    /// Whether the figure is as expected.
    pub is_met: bool,
    /// The share of the bound that was left, where less is better; negative where it was exceeded.
    pub margin: Option<f64>,
}

impl Expectation {
    /// Holds results to it.
    pub fn judge(&self, results: &Value, latencies: &Latencies) -> Outcome {
        let figure = figure_at(results, latencies, &self.figure);
        let is_met = figure.is_some_and(|figure| match self.comparison {
            Comparison::Less => figure < self.bound,
            Comparison::AtMost => figure <= self.bound,
            Comparison::Equal => figure == self.bound,
            Comparison::AtLeast => figure >= self.bound,
            Comparison::More => figure > self.bound,
        });
        let is_ceiling = matches!(self.comparison, Comparison::Less | Comparison::AtMost) && self.bound > 0.0;
        let margin = figure.filter(|_| is_ceiling).map(|figure| 1.0 - figure / self.bound);
        Outcome { expectation: self.text.clone(), figure, is_met, margin }
    }

    /// What is wrong, if it was not met.
    fn complaint(&self, outcome: &Outcome, results: &Value) -> Option<String> {
        match outcome.figure {
            _ if outcome.is_met => None,
            Some(figure) => Some(format!("Expected {}, but it was {figure}.", self.text)),
            None => {
                let known = deepest(results, &self.figure).join(", ");
                let figure = self.figure.join(".");
                Some(format!(
                    "Expected {}, but these results have no figure named {figure}; where it would be there are {known}.",
                    self.text
                ))
            }
        }
    }
}

/// Holds results to every expectation, and puts what came of it into them.
pub(crate) fn judge(expectations: &[Expectation], results: &mut Results) -> Vec<Outcome> {
    if expectations.is_empty() {
        return Vec::new();
    }
    let latencies = results.perf.summary().ok;
    let mut outcomes = Vec::new();
    let mut findings = Vec::new();
    for expectation in expectations {
        let outcome = expectation.judge(&results.map, &latencies);
        findings
            .extend(expectation.complaint(&outcome, &results.map).map(|sentence| Finding::new(sentence, [])));
        outcomes.push(outcome);
    }
    if !findings.is_empty() {
        results.validity = Validity::Invalid;
        // A violation of what the workload promises comes first.
        results.findings.extend(findings);
    }
    let entries = outcomes.iter().map(|outcome| {
        Value::record([
            ("expected", Value::from(outcome.expectation.as_str())),
            ("figure", outcome.figure.map_or(Value::Nil, Value::Float)),
            ("valid?", Value::Bool(outcome.is_met)),
        ])
    });
    let entries = Value::Vector(entries.collect());
    results.map.insert("expectations", entries);
    // The verdict stays the last entry.
    results.map.remove("valid?");
    results.map.insert("valid?", results.validity.to_value());
    outcomes
}

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let example = "write it like net.servers.msgs-per-op<20 or stable-latency.p50<400ms";
        let compact: String = text.chars().filter(|character| !character.is_whitespace()).collect();
        let place = compact
            .find(['<', '>', '=', '≤', '≥'])
            .ok_or_else(|| format!("{text:?} compares nothing: {example}"))?;
        let (figure, rest) = compact.split_at(place);
        let (sign, comparison) = COMPARISONS
            .iter()
            .find(|(sign, _)| rest.starts_with(sign))
            .expect("one of the signs was found here");
        let bound = rest[sign.len()..].trim_start_matches('=');
        let figure: Vec<String> = figure.trim_start_matches(':').split('.').map(str::to_owned).collect();
        if figure.iter().any(String::is_empty) {
            return Err(format!("{text:?} names no figure: {example}"));
        }
        let is_latency = figure.iter().any(|part| part.contains("latenc"));
        let bound = parse_bound(bound, is_latency).ok_or_else(|| {
            let expected =
                if is_latency { "a number of milliseconds, or a number with ms or s" } else { "a number" };
            format!("{text:?} compares with {bound:?}, where {expected} was expected: {example}")
        })?;
        Ok(Self { text: compact, figure, comparison: *comparison, bound })
    }
}

impl TryFrom<String> for Expectation {
    type Error = String;

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

/// The figure that a path such as `net.servers.msgs-per-op` names, if there is one. `latencies` are those of the successful operations.
pub fn figure(results: &Value, latencies: &Latencies, path: &str) -> Option<f64> {
    let path: Vec<String> = path.split('.').map(str::to_owned).collect();
    figure_at(results, latencies, &path)
}

fn figure_at(results: &Value, latencies: &Latencies, path: &[String]) -> Option<f64> {
    let (first, rest) = path.split_first()?;
    match (first.as_str(), rest) {
        ("latency", [quantile]) => match quantile.as_str() {
            "p50" => Some(latencies.p50_ms),
            "p95" => Some(latencies.p95_ms),
            "p99" => Some(latencies.p99_ms),
            "max" => Some(latencies.max_ms),
            _ => None,
        },
        ("stable-latency", rest) => {
            follow(results.get("workload")?.get("stable-latencies")?, rest).and_then(number)
        }
        _ => follow(results, path).and_then(number),
    }
}

/// Latencies are in milliseconds, and may be given in seconds.
fn parse_bound(text: &str, is_latency: bool) -> Option<f64> {
    let (number, factor) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) if is_latency => (number, 1.0),
        (None, Some(number)) if is_latency => (number, 1000.0),
        _ => (text, 1.0),
    };
    number.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number * factor)
}

fn follow<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, part| step(value, part))
}

/// The entry of a map that a part of a path names.
fn step<'a>(value: &'a Value, part: &str) -> Option<&'a Value> {
    let quantile = match part {
        "max" => Some(1.0),
        _ => part.strip_prefix('p').and_then(|digits| format!("0.{digits}").parse::<f64>().ok()),
    };
    let names = |key: &Value| match key {
        Value::Keyword(name) => name.as_str() == part,
        Value::Int(_) | Value::Float(_) => number(key).is_some_and(|key| Some(key) == quantile),
        Value::String(text) => text.as_str() == part,
        _ => false,
    };
    value.as_map()?.iter().find_map(|(key, value)| names(key).then_some(value))
}

/// The names where a path leads nowhere.
fn deepest(results: &Value, path: &[String]) -> Vec<String> {
    let mut here = results;
    for part in path {
        match step(here, part) {
            Some(next) if next.as_map().is_some() => here = next,
            _ => break,
        }
    }
    let name = |key: &Value| key.as_keyword().map_or_else(|| key.to_string(), str::to_owned);
    here.as_map().unwrap_or_default().iter().map(|(key, _)| name(key)).collect()
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use glomers_check::edn;

    use super::*;

    fn outcome(text: &str) -> Outcome {
        let results = edn::read(
            "{:net {:servers {:msgs-per-op 11.5}} :workload {:stable-latencies {0 0, 0.5 390, 1 1200}} :stats {:ok-count 7}}",
        )
        .expect("valid EDN");
        let latencies = Latencies { count: 1, p50_ms: 1.5, p95_ms: 2.0, p99_ms: 2.5, max_ms: 3.0 };
        text.parse::<Expectation>().expect("an expectation").judge(&results, &latencies)
    }

    #[test]
    fn figures_are_found_by_their_paths_and_by_their_short_names() {
        for met in [
            "net.servers.msgs-per-op<20",
            "net.servers.msgs-per-op <= 11.5",
            "stable-latency.p50<400ms",
            "workload.stable-latencies.max<1.5s",
            "stable-latency.max>=1200",
            "latency.p99<3",
            "stats.ok-count=7",
            "stats.ok-count==7",
        ] {
            assert!(outcome(met).is_met, "{met}");
        }
        for missed in [
            "net.servers.msgs-per-op<11.5",
            "stable-latency.p50<0.39s",
            "stats.ok-count>7",
            "stats.nothing<1",
        ] {
            assert!(!outcome(missed).is_met, "{missed}");
        }
    }

    #[test]
    fn the_margin_is_the_share_of_the_bound_that_is_left() {
        assert_eq!(outcome("net.servers.msgs-per-op<23").margin, Some(0.5));
        assert_eq!(outcome("stats.ok-count>3").margin, None);
    }

    #[test]
    fn what_compares_nothing_is_refused_with_an_example() {
        for wrong in
            ["net", "<5", "a..b<5", "net.all.msgs-per-op<many", "net.all.msgs-per-op<20ms", "latency.p50<1h"]
        {
            let error = wrong.parse::<Expectation>().expect_err(wrong);
            assert!(error.contains("stable-latency.p50<400ms"), "{error}");
        }
    }
}
