//! Sets: small histories that must be rejected, and random ones judged by the definition.

use std::collections::BTreeMap;

use glomers_check::{History, Mode, Operation, OperationKind, SetFull, Validity, Value, Verdict, check};
use proptest::prelude::*;

/// A history of lines such as `0 ok add 7`, a millisecond apart.
fn history(lines: &[&str]) -> History {
    let text: String = lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let parts: Vec<&str> = line.splitn(4, ' ').collect();
            let [process, kind, f, value] = parts[..] else { panic!("four parts in {line}") };
            let time_ns = index * 1_000_000;
            format!("{{:index {index}, :time {time_ns}, :type :{kind}, :process {process}, :f :{f}, :value {value}}}\n")
        })
        .collect();
    History::from_edn(&text).expect("a history")
}

fn strict(lines: &[&str]) -> Verdict {
    check(&history(lines), SetFull::new(Mode::Strict))
}

fn compat(lines: &[&str]) -> Verdict {
    check(&history(lines), SetFull::new(Mode::Compat))
}

const ADDED: [&str; 2] = ["0 invoke add 7", "0 ok add 7"];

fn after_add(lines: &[&'static str]) -> Vec<&'static str> {
    ADDED.iter().chain(lines).copied().collect()
}

#[test]
fn an_acknowledged_element_that_the_last_read_misses_is_lost() {
    let lines = after_add(&[
        "1 invoke read nil",
        "1 ok read [7]",
        "1 invoke read nil",
        "1 ok read []",
        "2 invoke read nil",
    ]);
    let verdict = strict(&lines);
    assert_eq!(verdict.validity, Validity::Invalid);
    assert_eq!(verdict.findings[0].operations, [1, 4]);
    insta::assert_snapshot!(verdict.findings[0].sentence, @"Element 7 is lost: it was there at operation 1 (process 0, 0.001 s), and the read begun at operation 4 (process 1, 0.004 s) did not find it. The last read that found it began at operation 2.");
    insta::assert_snapshot!(verdict.results, @"{:worst-stale (), :duplicated-count 0, :valid? false, :lost-count 1, :lost (7), :stable-count 0, :stale-count 0, :stale (), :never-read-count 0, :attempt-count 1, :lost-latencies {0 1, 0.5 1, 0.95 1, 0.99 1, 1 1}, :never-read (), :duplicated {}, :unexpected-count 0, :unexpected ()}");
    assert_eq!(compat(&lines).validity, Validity::Invalid);
}

#[test]
fn an_element_is_known_by_a_read_too() {
    let lines = [
        "0 invoke add 7",
        "1 invoke read nil",
        "1 ok read [7]",
        "0 info add 7",
        "1 invoke read nil",
        "1 ok read []",
    ];
    assert_eq!(compat(&lines).results.get("lost").unwrap().to_string(), "(7)");
}

#[test]
fn what_is_lost_may_be_found_again_and_is_only_stale() {
    let lines = after_add(&["1 invoke read nil", "1 ok read []", "1 invoke read nil", "1 ok read [7]"]);
    let verdict = strict(&lines);
    assert_eq!(verdict.validity, Validity::Valid);
    assert_eq!(verdict.results.get("stale").unwrap().to_string(), "(7)");
    let linearizable = |mode| check(&history(&lines), SetFull::new(mode).linearizable());
    assert_eq!(linearizable(Mode::Compat).validity, Validity::Invalid);
    let verdict = linearizable(Mode::Strict);
    assert_eq!(verdict.validity, Validity::Invalid);
    insta::assert_snapshot!(verdict.findings[0].sentence, @"Element 7 is stale: it was there at operation 1 (process 0, 0.001 s), and the read begun later, at operation 2 (process 1, 0.002 s), did not find it.");
}

#[test]
fn staleness_of_less_than_a_millisecond_passes_upstream_only() {
    let text = "{:time 0, :type :invoke, :process 0, :f :add, :value 7} {:time 10, :type :ok, :process 0, :f :add, :value 7}
        {:time 20, :type :invoke, :process 0, :f :read} {:time 30, :type :ok, :process 0, :f :read, :value []}
        {:time 40, :type :invoke, :process 0, :f :read} {:time 50, :type :ok, :process 0, :f :read, :value [7]}";
    let verdict = |mode| check(&History::from_edn(text).unwrap(), SetFull::new(mode).linearizable());
    assert_eq!(verdict(Mode::Compat).validity, Validity::Valid);
    let strict = verdict(Mode::Strict);
    assert_eq!(strict.validity, Validity::Invalid);
    assert_eq!(strict.findings.last().unwrap().sentence, "Maelstrom would call this valid.");
}

#[test]
fn a_read_that_began_before_the_element_was_known_proves_nothing() {
    let lines = ["1 invoke read nil", "0 invoke add 7", "0 ok add 7", "1 ok read []"];
    let verdict = strict(&lines);
    assert_eq!(verdict.validity, Validity::Unknown);
    assert_eq!(verdict.results.get("never-read").unwrap().to_string(), "(7)");
}

#[test]
fn reads_that_failed_and_elements_of_unknown_outcome_do_not_count() {
    let lines = after_add(&[
        "1 invoke read nil",
        "1 ok read [7]",
        "2 invoke add 8",
        "2 info add 8",
        "1 invoke read nil",
        "1 fail read nil",
        "3 invoke read nil",
        "3 ok read (7)",
    ]);
    assert_eq!(strict(&lines).validity, Validity::Valid);
}

#[test]
fn an_element_twice_in_one_read_is_invalid_strictly() {
    let lines = after_add(&["1 invoke read nil", "1 ok read [7 7 7]"]);
    let verdict = strict(&lines);
    assert_eq!(verdict.validity, Validity::Invalid);
    assert_eq!(verdict.results.get("duplicated").unwrap().to_string(), "{7 3}");
    insta::assert_snapshot!(verdict.findings[0].sentence, @"Element 7 stands 3 times in what operation 3 (process 1, 0.003 s) read; a set has every element once.");
    assert_eq!(compat(&lines).validity, Validity::Valid);
}

#[test]
fn an_element_that_nobody_added_is_invalid_strictly() {
    let lines = after_add(&["1 invoke read nil", "1 ok read [7 9]", "0 invoke add 9", "0 ok add 9"]);
    let verdict = strict(&lines);
    assert_eq!(verdict.validity, Validity::Invalid);
    assert_eq!(verdict.results.get("unexpected").unwrap().to_string(), "(9)");
    insta::assert_snapshot!(verdict.findings[0].sentence, @"Element 9 was read by operation 3 (process 1, 0.003 s), although nobody had begun to add it.");
    assert_eq!(compat(&lines).validity, Validity::Valid);
}

#[test]
fn an_element_whose_addition_failed_is_invalid_strictly() {
    let lines = after_add(&["0 invoke add 9", "1 invoke read nil", "1 ok read [7 9]", "0 fail add 9"]);
    let verdict = strict(&lines);
    assert_eq!(verdict.validity, Validity::Invalid);
    insta::assert_snapshot!(verdict.findings[0].sentence, @"Element 9 was read by operation 4 (process 1, 0.004 s), although its addition failed.");
    assert_eq!(compat(&lines).validity, Validity::Valid);
}

#[test]
fn an_answer_that_is_no_list_is_invalid_strictly() {
    let lines = after_add(&["1 invoke read nil", "1 ok read [7]", "1 invoke read nil", "1 ok read 7"]);
    let verdict = strict(&lines);
    assert_eq!(verdict.validity, Validity::Invalid);
    let sentences: Vec<&str> = verdict.findings.iter().map(|finding| finding.sentence.as_str()).collect();
    assert!(
        sentences.contains(&"A list of elements was expected, and operation 5 (process 1, 0.005 s) read 7.")
    );
}

#[test]
fn nothing_found_is_unknown() {
    for lines in [&[] as &[&str], &ADDED, &["0 invoke read nil", "0 ok read []"]] {
        assert_eq!(strict(lines).validity, Validity::Unknown, "{lines:?}");
        assert_eq!(compat(lines).validity, Validity::Unknown, "{lines:?}");
    }
}

/// A step of a random history: process, what it does, and what it does it with.
#[derive(Clone, Debug)]
enum Step {
    Add(u8, i64),
    Read(u8),
    /// The process ends what it does; a read with those elements, of all that were added, that the bits choose.
    End(u8, OperationKind, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![4 => Just(OperationKind::Ok), 1 => Just(OperationKind::Fail), 1 => Just(OperationKind::Info)];
    prop_oneof![
        2 => (0..4_u8, 0..12_i64).prop_map(|(process, element)| Step::Add(process, element)),
        3 => (0..4_u8).prop_map(Step::Read),
        5 => (0..4_u8, kind, any::<u32>()).prop_map(|(process, kind, bits)| Step::End(process, kind, bits)),
    ]
}

fn random_history(steps: Vec<Step>) -> Vec<Operation> {
    let mut open: BTreeMap<u8, Operation> = BTreeMap::new();
    let mut added: Vec<i64> = Vec::new();
    let mut operations: Vec<Operation> = Vec::new();
    for step in steps {
        let time_ns = operations.len() as u64 * 700_000;
        let index = operations.len() as u64;
        let operation = match step {
            Step::Add(process, _) | Step::Read(process) if open.contains_key(&process) => continue,
            Step::Add(_, element) if added.contains(&element) => continue,
            Step::Add(process, element) => {
                added.push(element);
                Operation::invoke(u64::from(process), "add", element).at(index, time_ns)
            }
            Step::Read(process) => Operation::invoke(u64::from(process), "read", ()).at(index, time_ns),
            Step::End(process, kind, bits) => {
                let Some(begun) = open.remove(&process) else { continue };
                let chosen = added.iter().enumerate().filter(|(place, _)| bits >> (place % 32) & 1 == 1);
                let value = if begun.f == "add" {
                    begun.value.clone()
                } else {
                    Value::from(chosen.map(|(_, element)| *element).collect::<Vec<i64>>())
                };
                operations.push(begun.completed(kind, value).at(index, time_ns));
                continue;
            }
        };
        let process = match operation.process {
            glomers_check::Process::Client(number) => number as u8,
            glomers_check::Process::Nemesis => unreachable!("clients only"),
        };
        open.insert(process, operation.clone());
        operations.push(operation);
    }
    operations
}

/// What the definition says of each element, by looking at every read for every element.
fn by_definition(operations: &[Operation]) -> BTreeMap<i64, &'static str> {
    let reads: Vec<(&Operation, &Operation)> = operations
        .iter()
        .filter(|end| end.is_ok() && end.f == "read")
        .map(|end| {
            let is_beginning = |begun: &&Operation| {
                begun.is_invoke() && begun.process == end.process && begun.index < end.index
            };
            (operations.iter().rev().find(is_beginning).expect("a beginning"), end)
        })
        .collect();
    let adds = operations.iter().filter(|operation| operation.is_invoke() && operation.f == "add");
    adds.map(|add| {
        let relevant = || reads.iter().filter(|(_, end)| end.index > add.index);
        let finds = |end: &Operation| end.value.as_sequence().expect("a list").contains(&add.value);
        let known = operations
            .iter()
            .find(|end| {
                end.is_ok() && (end.f == "add" && end.value == add.value || end.f == "read" && finds(end))
            })
            .map(|end| end.index);
        let present = relevant().filter(|(_, end)| finds(end)).map(|(begun, _)| begun.index).max();
        let absent = relevant().filter(|(_, end)| !finds(end)).map(|(begun, _)| begun.index).max();
        let outcome = if present.is_some() && present > absent {
            "stable"
        } else if known.is_some() && absent > present && absent > known {
            "lost"
        } else {
            "never-read"
        };
        (add.value.as_int().expect("an integer") as i64, outcome)
    })
    .collect()
}

proptest! {
    #[test]
    fn outcomes_are_those_of_the_definition(steps in prop::collection::vec(step(), 0..80)) {
        let operations = random_history(steps);
        let expected = by_definition(&operations);
        let verdict = check(&History::new(operations), SetFull::new(Mode::Compat));
        for (key, outcome) in [("lost", "lost"), ("never-read", "never-read")] {
            let expected: Vec<i64> =
                expected.iter().filter(|(_, found)| **found == outcome).map(|(element, _)| *element).collect();
            prop_assert_eq!(verdict.results.get(key).unwrap(), &Value::from(expected));
        }
        let stable = expected.values().filter(|outcome| **outcome == "stable").count();
        prop_assert_eq!(verdict.results.get("stable-count").unwrap(), &Value::from(stable));
    }

    #[test]
    fn a_set_that_works_is_valid_and_any_one_wrong_last_read_is_caught(
        elements in prop::collection::vec(any::<i64>(), 1..30), which in any::<prop::sample::Index>(), wrong in 0..3,
    ) {
        let mut lines: Vec<String> = Vec::new();
        let mut set: Vec<i64> = Vec::new();
        for element in elements {
            if !set.contains(&element) {
                set.push(element);
                lines.extend([format!("0 invoke add {element}"), format!("0 ok add {element}")]);
            }
            lines.extend(["1 invoke read nil".to_owned(), format!("1 ok read {}", Value::from(set.clone()))]);
        }
        let refs = |lines: &[String]| strict(&lines.iter().map(String::as_str).collect::<Vec<_>>()).validity;
        prop_assert_eq!(refs(&lines), Validity::Valid);
        let mut mutated = set.clone();
        match wrong {
            0 => { mutated.remove(which.index(set.len())); }
            1 => mutated.push(set[which.index(set.len())]),
            _ => mutated.push((0..).find(|number| !set.contains(number)).unwrap()),
        }
        *lines.last_mut().unwrap() = format!("1 ok read {}", Value::from(mutated));
        prop_assert_eq!(refs(&lines), Validity::Invalid);
    }
}
