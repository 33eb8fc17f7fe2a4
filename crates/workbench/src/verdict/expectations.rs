//! Whether the figures of a run are within the plan's limits.

use glomers_check::{Finding, Validity, Value};

use super::{analysis::Results, perf::Latencies};
use crate::plan::expectation::{Expectation, Figure, quantile};

/// Whether a figure is within its limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The expectation as given.
    pub expectation: String,
    /// The figure, if the run has such a figure.
    pub figure: Option<f64>,
    /// Whether the figure is as expected. A figure that is missing is not.
    pub is_met: bool,
    /// See [`Expectation::margin`].
    pub margin: Option<f64>,
}

/// Checks results against every expectation, and adds the outcome to them.
pub(crate) fn judge_all(expectations: &[Expectation], results: &mut Results) -> Vec<Judgement> {
    if expectations.is_empty() {
        return Vec::new();
    }
    let latencies = results.perf.summary().ok;
    let judgements: Vec<Judgement> =
        expectations.iter().map(|expectation| judge(expectation, &results.map, &latencies)).collect();
    let findings: Vec<Finding> = expectations
        .iter()
        .zip(&judgements)
        .filter_map(|(expectation, judgement)| finding(expectation, judgement, &results.map))
        .collect();
    if !findings.is_empty() {
        results.validity = Validity::Invalid;
        // They come after any violation of what the workload promises.
        results.findings.extend(findings);
    }
    let entries = judgements.iter().map(|judgement| {
        Value::record([
            ("expected", Value::from(judgement.expectation.as_str())),
            ("figure", judgement.figure.map_or(Value::Nil, Value::Float)),
            ("valid?", Value::Bool(judgement.is_met)),
        ])
    });
    let entries = Value::Vector(entries.collect());
    results.map.insert("expectations", entries);
    // The verdict stays the last entry.
    results.map.remove("valid?");
    results.map.insert("valid?", results.validity.to_value());
    judgements
}

/// A figure of the results. `latencies` are those of the successful operations.
pub fn figure(figure: &Figure, results: &Value, latencies: &Latencies) -> Option<f64> {
    match figure.latency_quantile() {
        Some("p50") => Some(latencies.p50_ms),
        Some("p95") => Some(latencies.p95_ms),
        Some("p99") => Some(latencies.p99_ms),
        Some("max") => Some(latencies.max_ms),
        Some(_) => None,
        None => figure.path().iter().try_fold(results, |value, part| step(value, part)).and_then(number),
    }
}

fn judge(expectation: &Expectation, results: &Value, latencies: &Latencies) -> Judgement {
    let figure = figure(expectation.figure(), results, latencies);
    Judgement {
        expectation: expectation.to_string(),
        figure,
        is_met: figure.is_some_and(|figure| expectation.is_met_by(figure)),
        margin: figure.and_then(|figure| expectation.margin(figure)),
    }
}

/// The finding, if the limit was missed.
fn finding(expectation: &Expectation, judgement: &Judgement, results: &Value) -> Option<Finding> {
    let sentence = match judgement.figure {
        _ if judgement.is_met => return None,
        Some(figure) => format!("Expected {expectation}, but it was {figure}."),
        None => format!(
            "Expected {expectation}, but these results have no figure {}. Its siblings are {}.",
            expectation.figure(),
            deepest(results, expectation.figure().path()).join(", ")
        ),
    };
    let finding = Finding::new(sentence, []);
    // Of elements that took long to become visible, the results name the worst.
    let is_of_elements = expectation.figure().path().iter().any(|part| part == "stable-latencies");
    let worst = results
        .get("workload")
        .and_then(|workload| workload.get("worst-stale")?.as_sequence()?.first()?.get("element"));
    Some(match worst.filter(|_| is_of_elements) {
        Some(element) => finding.about(element),
        None => finding,
    })
}

/// The entry of a map that one part of a path names.
fn step<'a>(value: &'a Value, part: &str) -> Option<&'a Value> {
    let quantile = quantile(part);
    let is_named = |key: &Value| match key {
        Value::Keyword(name) => name.as_str() == part,
        Value::Int(_) | Value::Float(_) => number(key).is_some_and(|key| Some(key) == quantile),
        Value::String(text) => text.as_str() == part,
        _ => false,
    };
    value.as_map()?.iter().find_map(|(key, value)| is_named(key).then_some(value))
}

/// The names at the point where a path ends without a figure.
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

    fn judgement(text: &str) -> Judgement {
        let results = edn::read(
            "{:net {:servers {:msgs-per-op 11.5}} :workload {:stable-latencies {0 0, 0.05 30, 0.5 390, 1 1200}} :stats {:ok-count 7}}",
        )
        .expect("valid EDN");
        let latencies = Latencies { count: 1, p50_ms: 1.5, p95_ms: 2.0, p99_ms: 2.5, max_ms: 3.0 };
        judge(&text.parse().expect("an expectation"), &results, &latencies)
    }

    #[test]
    fn figures_are_found_by_their_paths_and_by_their_short_names() {
        for met in [
            "net.servers.msgs-per-op<20",
            "net.servers.msgs-per-op <= 11.5",
            "stable-latency.p50<400ms",
            "stable-latency.p5=30",
            "stable-latency.p100=1200",
            "workload.stable-latencies.max<1.5s",
            "stable-latency.max>=1200",
            "latency.p99<3",
            "stats.ok-count=7",
            "stats.ok-count==7",
        ] {
            assert!(judgement(met).is_met, "{met}");
        }
        for missed in [
            "net.servers.msgs-per-op<11.5",
            "stable-latency.p50<0.39s",
            "stats.ok-count>7",
            "workload.nothing<1",
        ] {
            assert!(!judgement(missed).is_met, "{missed}");
        }
    }

    #[test]
    fn the_margin_is_the_share_of_the_limit_that_is_left() {
        assert_eq!(judgement("net.servers.msgs-per-op<23").margin, Some(0.5));
        assert_eq!(judgement("stats.ok-count>3").margin, None);
    }
}
