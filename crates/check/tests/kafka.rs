//! Logs: small histories that must be rejected, and random ones of a log that works, and of one with a single fault.

#[path = "support/direct.rs"]
mod direct;

use std::collections::BTreeMap;

use direct::observe;
use glomers_check::{History, Kafka, Mode, Operation, OperationKind, Validity, Value, Verdict};
use proptest::prelude::*;

/// A history of lines such as `0 ok send [[:send :x [0 1]]]`, a millisecond apart.
fn judge(mode: Mode, lines: &[&str]) -> Verdict {
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
    observe(&History::from_edn(&text).expect("a history"), Kafka::new(mode))
}

fn anomalies(mode: Mode, lines: &[&str]) -> String {
    judge(mode, lines).results.get("error-types").map_or("unknown".to_owned(), Value::to_string)
}

#[test]
fn a_lost_write_names_who_sent_it_and_who_polled_beyond_it() {
    let lines = [
        "0 ok send [[:send :x [3 1]]]",
        "0 ok send [[:send :x [9007199254740992 2]]]",
        "1 ok assign [:x]",
        "1 invoke poll [[:poll]]",
        "1 ok poll [[:poll {:x [[9007199254740992 2]]}]]",
    ];
    let verdict = judge(Mode::Strict, &lines);
    assert_eq!(verdict.validity, Validity::Invalid);
    assert_eq!(verdict.findings[0].operations, [0, 4]);
    insta::assert_snapshot!(verdict.findings[0].sentence, @"lost-write: in key :x, message 1 at offset 3, sent by operation 0 (process 0, 0.000 s), was never polled, although operation 4 (process 1, 0.004 s) polled beyond it, up to offset 9007199254740992.");
    insta::assert_snapshot!(verdict.results.get("lost-write").expect("a key"), @"{:count 1, :errs ({:key :x, :value 1, :index 0, :max-read-index 1, :writer #jepsen.history.Op{:index 0, :time 0, :type :ok, :process 0, :f :send, :value [[:send :x [3 1]]]}, :max-read #jepsen.history.Op{:index 4, :time 4000000, :type :ok, :process 1, :f :poll, :value [[:poll {:x [[9007199254740992 2]]}]]}})}");
}

#[test]
fn a_write_of_unknown_outcome_is_lost_only_if_it_happened() {
    let unknown = [
        "0 info send [[:send :x [0 1]]]",
        "1 ok send [[:send :x [1 2]]]",
        "2 ok poll [[:poll {:x [[1 2]]}]]",
    ];
    assert_eq!(anomalies(Mode::Strict, &unknown), "()");
    let happened = ["0 info txn [[:send :x [0 1]] [:send :x [1 2]]]", "2 ok poll [[:poll {:x [[1 2]]}]]"];
    assert_eq!(anomalies(Mode::Strict, &happened), "(:lost-write)");
}

#[test]
fn a_send_that_never_ended_may_be_polled() {
    let lines = [
        "0 invoke send [[:send :x 1]]",
        "1 ok send [[:send :x [1 2]]]",
        "1 ok poll [[:poll {:x [[0 1] [1 2]]}]]",
    ];
    assert_eq!(anomalies(Mode::Strict, &lines), "()");
    assert_eq!(anomalies(Mode::Compat, &lines), "()");
}

const SENT: [&str; 4] = [
    "0 ok send [[:send :x [0 1]]]",
    "0 ok send [[:send :x [1 2]]]",
    "0 ok send [[:send :x [2 3]]]",
    "3 ok poll [[:poll {:x [[0 1] [1 2] [2 3]]}]]",
];

fn after_sends(mode: Mode, lines: &[&'static str]) -> String {
    anomalies(mode, &[&SENT, lines].concat())
}

#[test]
fn a_poll_without_messages_makes_only_upstream_forget_where_it_was() {
    let lines = [
        "1 ok poll [[:poll {:x [[0 1]]}]]",
        "1 ok poll [[:poll {:x []}]]",
        "1 ok poll [[:poll {:x [[2 3]]}]]",
    ];
    assert_eq!(after_sends(Mode::Strict, &lines), "(:poll-skip)");
    assert_eq!(after_sends(Mode::Compat, &lines), "()");
    let verdict = judge(Mode::Strict, &[&SENT, &lines[..]].concat());
    insta::assert_snapshot!(verdict.findings[0].sentence, @"poll-skip: of key :x, operation 6 (process 1, 0.006 s) polled 3 after operation 4 of the same process had polled 1, skipping 2.");
    assert_eq!(verdict.findings.last().expect("a finding").sentence, "Maelstrom would call this valid.");
}

#[test]
fn assigned_keys_are_followed_and_others_forgotten() {
    let first = "1 ok poll [[:poll {:x [[0 1]]}]]";
    let last = "1 ok poll [[:poll {:x [[2 3]]}]]";
    for (between, expected) in [
        ("1 ok assign [:x :y]", "(:poll-skip)"),
        ("1 ok assign [:y]", "()"),
        ("1 info assign [:y]", "()"),
        ("1 fail assign [:y]", "(:poll-skip)"),
        ("1 invoke assign [:y]", "(:poll-skip)"),
    ] {
        for mode in [Mode::Strict, Mode::Compat] {
            assert_eq!(after_sends(mode, &[first, between, last]), expected, "{between}");
        }
    }
}

#[test]
fn who_subscribes_may_be_given_anything_next() {
    let lines =
        ["1 ok subscribe [:x]", "1 ok poll [[:poll {:x [[0 1]]}]]", "1 ok poll [[:poll {:x [[2 3]]}]]"];
    let verdict = judge(Mode::Strict, &[&SENT, &lines[..]].concat());
    assert_eq!(verdict.validity, Validity::Valid);
    assert_eq!(verdict.results.get("error-types").expect("a key").to_string(), "(:poll-skip)");
    assert_eq!(verdict.results.get("bad-error-types").expect("a key").to_string(), "()");
}

#[test]
fn keys_that_changed_hands_within_an_operation_have_no_order_in_it() {
    let text = |log: &str| {
        format!(
            "{{:type :ok, :process 0, :f :txn, :value [[:send :x [0 1]] [:send :x [1 2]]]}}
             {{:type :ok, :process 1, :f :poll, :value [[:poll {{:x [[1 2] [0 1]]}}]]{log}}}"
        )
    };
    let validity = |text: String| {
        observe(&History::from_edn(&text).expect("a history"), Kafka::new(Mode::Strict)).validity
    };
    assert_eq!(validity(text("")), Validity::Invalid);
    assert_eq!(validity(text(", :rebalance-log [{:keys [:x]}]")), Validity::Valid);
}

#[test]
fn sends_go_back_across_an_assignment_strictly() {
    let lines = [
        "0 ok send [[:send :x [5 1]]]",
        "0 ok assign [:y]",
        "0 ok send [[:send :x [4 2]]]",
        "1 ok poll [[:poll {:x [[4 2] [5 1]]}]]",
    ];
    assert_eq!(anomalies(Mode::Strict, &lines), "(:nonmonotonic-send)");
    assert_eq!(anomalies(Mode::Compat, &lines), "()");
}

#[test]
fn a_message_that_nobody_sent_is_where_upstream_gives_up() {
    let lines = ["0 ok send [[:send :x [0 1]]]", "1 ok poll [[:poll {:x [[0 1] [1 9]]}]]"];
    let verdict = judge(Mode::Strict, &lines);
    assert_eq!(verdict.validity, Validity::Invalid);
    insta::assert_snapshot!(verdict.findings[0].sentence, @"unsent-read: operation 1 (process 1, 0.001 s) polled 9 from key :x, which nobody sent there.");
    assert_eq!(judge(Mode::Compat, &lines).validity, Validity::Unknown);
}

#[test]
fn without_messages_there_is_nothing_to_judge() {
    for lines in [&[] as &[&str], &["0 invoke poll [[:poll]]", "0 ok poll [[:poll {}]]"]] {
        assert_eq!(judge(Mode::Strict, lines).validity, Validity::Unknown);
        assert_eq!(judge(Mode::Compat, lines).validity, Validity::Valid);
    }
}

#[test]
fn what_is_no_step_is_named() {
    for value in
        ["[[:send :x]]", "[[:poll 3]]", "[[:poll {:x [[:a 1]]}]]", "[[:poll {:x 1}]]", "[[:peek]]", "7"]
    {
        let verdict = judge(Mode::Strict, &[SENT[0], &format!("0 ok txn {value}")]);
        let named = verdict
            .findings
            .iter()
            .any(|finding| finding.sentence.contains("operation 1 (process 0, 0.001 s) cannot be judged"));
        assert!(named && verdict.validity != Validity::Valid, "{value}: {:?}", verdict.findings);
    }
    let huge = judge(Mode::Strict, &["0 ok send [[:send :x [18446744073709551616 1]]]"]);
    assert_eq!(huge.validity, Validity::Unknown);
}

#[test]
fn causes_of_unknown_outcomes_are_told_once() {
    let text = "{:type :info, :process 0, :f :send, :value [[:send :x 1]], :error :net-timeout}
        {:type :info, :process 1, :f :poll, :value [[:poll]], :error :net-timeout}
        {:type :info, :process 2, :f :crash, :value nil}";
    let verdict = observe(&History::from_edn(text).expect("a history"), Kafka::new(Mode::Compat));
    assert_eq!(verdict.results.get("info-txn-causes").expect("a key").to_string(), "(:net-timeout)");
}

#[test]
fn the_worst_lag_is_that_of_a_poller_that_stays_behind() {
    let lines = [
        "1 ok assign [:x]",
        "0 ok send [[:send :x [0 1]]]",
        "1 invoke poll [[:poll]]",
        "1 ok poll [[:poll {:x [[0 1]]}]]",
        "0 ok send [[:send :x [1 2]]]",
        "1 invoke poll [[:poll]]",
        "1 ok poll [[:poll {}]]",
        "1 invoke poll [[:poll]]",
        "1 ok poll [[:poll {:x []}]]",
        "1 invoke poll [[:poll]]",
        "1 ok poll [[:poll {:x [[1 2]]}]]",
    ];
    let verdict = judge(Mode::Strict, &lines);
    assert_eq!(verdict.validity, Validity::Valid);
    insta::assert_snapshot!(verdict.results.get("worst-realtime-lag").expect("a key"), @"{:time 0.007, :process 1, :key :x, :lag 0.003}");
}

#[test]
fn cycles_of_writes_are_reported_and_allowed() {
    let lines = [
        "0 invoke txn [[:send :x 1] [:send :y 1]]",
        "1 invoke txn [[:send :x 2] [:send :y 2]]",
        "0 ok txn [[:send :x [0 1]] [:send :y [1 1]]]",
        "1 ok txn [[:send :x [1 2]] [:send :y [0 2]]]",
        "2 ok poll [[:poll {:x [[0 1] [1 2]], :y [[0 2] [1 1]]}]]",
    ];
    assert_eq!(anomalies(Mode::Strict, &lines), "()");
    let history: Vec<String> = lines
        .iter()
        .map(|line| {
            let parts: Vec<&str> = line.splitn(4, ' ').collect();
            format!("{{:type :{}, :process {}, :f :{}, :value {}}}", parts[1], parts[0], parts[2], parts[3])
        })
        .collect();
    let history = History::from_edn(&history.join("\n")).expect("a history");
    let verdict = observe(&history, Kafka::new(Mode::Strict).with_write_order());
    assert_eq!(verdict.validity, Validity::Valid);
    assert_eq!(verdict.results.get("error-types").expect("a key").to_string(), "(:G0)");
}

/// What a client of the random log does next.
#[derive(Clone, Debug)]
enum Step {
    Send { process: u64, key: u64, gap: i64, outcome: OperationKind },
    Poll { process: u64, limit: usize },
    Assign { process: u64, keys: Vec<u64> },
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![6 => Just(OperationKind::Ok), 1 => Just(OperationKind::Fail), 1 => Just(OperationKind::Info)];
    prop_oneof![
        4 => (0..4_u64, 0..3_u64, 1..1_000_000_000_000_i64, outcome)
            .prop_map(|(process, key, gap, outcome)| Step::Send { process, key, gap, outcome }),
        4 => (0..4_u64, 0..5_usize).prop_map(|(process, limit)| Step::Poll { process, limit }),
        1 => (0..4_u64, prop::collection::vec(0..3_u64, 1..3)).prop_map(|(process, keys)| Step::Assign { process, keys }),
    ]
}

/// A log that works, and its history: sends of unknown outcome happen or not, and in the end every process polls all.
fn history_of(steps: &[Step]) -> Vec<Operation> {
    let mut logs: BTreeMap<u64, Vec<(i64, i64)>> = BTreeMap::new();
    let mut followed: BTreeMap<u64, BTreeMap<u64, usize>> = BTreeMap::new();
    let mut operations: Vec<Operation> = Vec::new();
    let mut sent = 0;
    let mut push = |begun: Operation, kind, value: Value| {
        operations.push(begun.clone());
        operations.push(begun.completed(kind, value));
    };
    let named = |key: u64| Value::from(key.to_string());
    let poll = |followed: &mut BTreeMap<u64, usize>, logs: &BTreeMap<u64, Vec<(i64, i64)>>, limit: usize| {
        let batches = followed.iter_mut().map(|(key, next)| {
            let log = logs.get(key).map_or(&[] as &[_], |log| &log[..]);
            let end = log.len().min(*next + limit);
            let batch = log[(*next).min(end)..end]
                .iter()
                .map(|&(offset, message)| Value::from(vec![offset, message]));
            let batch = Value::Vector(batch.collect());
            *next = end.max(*next);
            (named(*key), batch)
        });
        Value::Vector(vec![Value::Vector(vec![Value::keyword("poll"), Value::Map(batches.collect())])])
    };
    let empty_poll = || Value::Vector(vec![Value::Vector(vec![Value::keyword("poll")])]);
    for step in steps {
        match step {
            Step::Send { process, key, gap, outcome } => {
                sent += 1;
                let log = logs.entry(*key).or_default();
                let offset = log.last().map_or(0, |(offset, _)| offset + gap);
                if *outcome == OperationKind::Ok || (*outcome == OperationKind::Info && gap % 2 == 0) {
                    log.push((offset, sent));
                }
                let send = |value: Value| {
                    Value::Vector(vec![Value::Vector(vec![Value::keyword("send"), named(*key), value])])
                };
                let begun = Operation::invoke(*process, "send", send(sent.into()));
                let answer =
                    if *outcome == OperationKind::Ok { vec![offset, sent].into() } else { sent.into() };
                push(begun, *outcome, send(answer));
            }
            Step::Poll { process, limit } => {
                let value = poll(followed.entry(*process).or_default(), &logs, *limit);
                push(Operation::invoke(*process, "poll", empty_poll()), OperationKind::Ok, value);
            }
            Step::Assign { process, keys } => {
                let former = followed.remove(process).unwrap_or_default();
                let new = keys.iter().map(|key| (*key, former.get(key).copied().unwrap_or(0))).collect();
                followed.insert(*process, new);
                let value = Value::Vector(keys.iter().map(|key| named(*key)).collect());
                push(Operation::invoke(*process, "assign", value.clone()), OperationKind::Ok, value);
            }
        }
    }
    let keys = Value::Vector(logs.keys().map(|key| named(*key)).collect());
    push(Operation::invoke(9, "assign", keys.clone()), OperationKind::Ok, keys);
    let mut all = logs.keys().map(|key| (*key, 0)).collect();
    push(Operation::invoke(9, "poll", empty_poll()), OperationKind::Ok, poll(&mut all, &logs, usize::MAX));
    (0..).zip(operations).map(|(index, operation)| operation.at(index, index * 1000)).collect()
}

/// Changes what the last poll returned of one key.
fn with_last_poll(
    mut operations: Vec<Operation>,
    change: impl FnOnce(&mut Vec<Value>),
) -> Option<Vec<Operation>> {
    let last = operations.last_mut()?;
    let Value::Vector(steps) = &mut last.value else { return None };
    let Value::Vector(step) = &mut steps[0] else { return None };
    let Value::Map(batches) = &mut step[1] else { return None };
    let batch = batches.iter_mut().filter_map(|(_, batch)| match batch {
        Value::Vector(pairs) if pairs.len() >= 3 => Some(pairs),
        _ => None,
    });
    change(batch.last()?);
    Some(operations)
}

proptest! {
    #[test]
    fn a_log_that_works_is_never_invalid(steps in prop::collection::vec(step(), 0..120)) {
        let history = History::new(history_of(&steps));
        for mode in [Mode::Strict, Mode::Compat] {
            let verdict = observe(&history, Kafka::new(mode));
            prop_assert_ne!(verdict.validity, Validity::Invalid, "{:?}", verdict.findings);
        }
    }

    #[test]
    fn one_fault_in_the_last_poll_is_caught(
        steps in prop::collection::vec(step(), 40..120), which in any::<prop::sample::Index>(), fault in 0..4,
    ) {
        let changed = with_last_poll(history_of(&steps), |pairs| {
            let place = which.index(pairs.len() - 1);
            match fault {
                0 => pairs.swap(place, place + 1),
                1 => pairs.insert(place, pairs[place].clone()),
                2 => pairs[place] = Value::Vector(vec![pairs[place].as_sequence().expect("a pair")[0].clone(), Value::from(-1)]),
                _ => pairs[place + 1] = Value::Vector(vec![
                    pairs[place + 1].as_sequence().expect("a pair")[0].clone(),
                    pairs[place].as_sequence().expect("a pair")[1].clone(),
                ]),
            }
        });
        if let Some(operations) = changed {
            let verdict = observe(&History::new(operations.clone()), Kafka::new(Mode::Strict));
            prop_assert_eq!(verdict.validity, Validity::Invalid, "{} {:?}", verdict.results, operations.last());
        }
    }
}
