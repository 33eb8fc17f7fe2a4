//! What a failure is apart from the values that it happened to: by this, failures are grouped, and a smaller run is recognised as the same
//! failure.

use std::fmt;

use glomers_check::{Validity, Value};
use serde::{Deserialize, Serialize};

/// What is wrong with an invalid run: the parts of the verdict that failed, each with the anomalies that it names. The most important sign
/// comes first. Two runs with equal signs need not have the same cause, but two runs with different ones fail differently.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Failure {
    signs: Vec<String>,
}

/// Counts of a checker's results that say what is wrong, where they are not zero.
const COUNTS: [&str; 4] = ["lost-count", "duplicated-count", "unexpected-count", "stale-count"];
/// Lists of a checker's results that name what is wrong.
const TYPES: [&str; 2] = ["anomaly-types", "bad-error-types"];
/// The parts of a verdict, the most important first.
const PARTS: [&str; 4] = ["nodes", "workload", "availability", "stats"];

impl Failure {
    /// What the results of a run say is wrong; none unless it is invalid.
    pub(crate) fn of(validity: Validity, results: &Value) -> Option<Self> {
        if validity != Validity::Invalid {
            return None;
        }
        let mut signs = Vec::new();
        for part in PARTS {
            if let Some(part_results) = results.get(part).filter(|part| is_invalid(part)) {
                let before = signs.len();
                match part {
                    "nodes" => add_errors(part_results, &mut signs),
                    _ => add_anomalies(part, part_results, &mut signs),
                }
                if signs.len() == before {
                    signs.push(part.to_owned());
                }
            }
        }
        let limits = results.get("expectations").and_then(Value::as_elements).unwrap_or_default();
        for limit in limits.iter().filter(|limit| is_invalid(limit)) {
            let expected = limit.get("expected").and_then(Value::as_str).unwrap_or_default();
            signs.push(format!("limit: {expected}"));
        }
        Some(Self { signs })
    }

    /// The signs, the most important first.
    pub fn signs(&self) -> &[String] {
        &self.signs
    }

    /// Whether all that is wrong is that too few operations succeeded.
    pub fn is_about_success(&self) -> bool {
        self.signs.iter().all(|sign| sign == "stats" || sign == "availability")
    }

    /// Whether another run fails in the same way: with this failure's most important sign.
    pub fn is_shown_by(&self, other: &Self) -> bool {
        self.signs.first().is_some_and(|sign| other.signs.contains(sign))
    }
}

/// `workload: lost, stale`.
impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.signs.join(", "))
    }
}

fn is_invalid(results: &Value) -> bool {
    results.get("valid?") == Some(&Value::Bool(false))
}

/// The names of the anomalies, wherever in the results they stand.
fn add_anomalies(part: &str, results: &Value, signs: &mut Vec<String>) {
    let mut add = |what: &str| {
        let sign = format!("{part}: {what}");
        if !signs.contains(&sign) {
            signs.push(sign);
        }
    };
    for name in TYPES.iter().filter_map(|key| results.get(key)?.as_elements()).flatten() {
        add(name.as_keyword().unwrap_or_default());
    }
    for key in COUNTS {
        if results.get(key).and_then(Value::as_int).is_some_and(|count| count > 0) {
            add(key.trim_end_matches("-count"));
        }
    }
    if let Value::Map(entries) = results {
        for (_, entry) in entries.iter().filter(|(_, entry)| is_invalid(entry)) {
            add_anomalies(part, entry, signs);
        }
    }
}

/// The beginnings of the sentences about nodes, without the numbers in them.
fn add_errors(results: &Value, signs: &mut Vec<String>) {
    let errors = results.get("errors").and_then(Value::as_elements).into_iter().flatten();
    for error in errors.filter_map(Value::as_str) {
        let sign = format!("nodes: {}", shape(error));
        if !signs.contains(&sign) {
            signs.push(sign);
        }
    }
}

/// The first words of a sentence, with `#` for every number.
fn shape(sentence: &str) -> String {
    let mut shape = String::new();
    for character in sentence.lines().next().unwrap_or_default().chars().take(80) {
        match (character.is_ascii_digit(), shape.ends_with('#')) {
            (true, true) => {}
            (true, false) => shape.push('#'),
            (false, _) => shape.push(character),
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use glomers_check::edn;

    use super::*;

    #[track_caller]
    fn failure(results: &str) -> Failure {
        let results = edn::read(results).expect("it is EDN");
        Failure::of(Validity::Invalid, &results).expect("it is invalid")
    }

    #[test]
    fn the_anomalies_are_named_wherever_they_stand() {
        let failure = failure(
            "{:stats {:valid? false}
              :workload {:valid? false :results {1 {:valid? false :anomaly-types [:G1c]} 2 {:valid? true :lost-count 3}
                                                 3 {:valid? false :lost-count 2 :stale-count 0}}}}",
        );
        assert_eq!(failure.to_string(), "workload, stats");
        let failure = self::failure(
            "{:workload {:valid? false :anomaly-types [:G1c :G0] :lost-count 2 :stale-count 0}}",
        );
        assert_eq!(failure.to_string(), "workload: G1c, workload: G0, workload: lost");
    }

    #[test]
    fn errors_of_nodes_come_first_and_lose_their_numbers() {
        let failure = failure(
            r#"{:nodes {:valid? false :errors ("Node n1 ended with exit status 12." "Node n20 ended with exit status 7.")}
                :workload {:valid? false}}"#,
        );
        assert_eq!(failure.to_string(), "nodes: Node n# ended with exit status #., workload");
    }

    #[test]
    fn a_failure_is_the_same_if_it_has_the_most_important_sign() {
        let (lost, both) = (
            failure("{:workload {:valid? false :lost-count 2}}"),
            failure("{:workload {:valid? false :lost-count 1 :stale-count 4}}"),
        );
        let stats = failure("{:stats {:valid? false}}");
        assert!(lost.is_shown_by(&both) && both.is_shown_by(&lost));
        assert!(!lost.is_shown_by(&stats) && !stats.is_shown_by(&lost));
        assert_eq!(Failure::of(Validity::Unknown, &Value::Nil), None);
    }
}
