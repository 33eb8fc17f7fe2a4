//! Replies and histories of the wrong shape: none may crash a checker, and the strict mode passes none.

use glomers_check::txn::{ListAppend, Options, RwRegister, VersionOrders};
use glomers_check::{
    Checker, Compared, History, Mode, Operation, OperationKind, Validity, Value, Verdict, check, edn,
};
use proptest::prelude::*;

fn read(text: &str) -> Value {
    edn::read(text).expect("EDN")
}

/// One transaction with this reply, after one that wrote x.
fn history(write: &str, asked: &str, kind: OperationKind, answered: Value) -> History {
    let first = Operation::invoke(0, "txn", read(&format!("[[:{write} :x 1]]")));
    let asked = Operation::invoke(1, "txn", read(asked));
    let entries = [
        first.clone(),
        first.completed(OperationKind::Ok, first.value.clone()),
        asked.clone(),
        asked.completed(kind, answered),
    ];
    History::new((0..).zip(entries).map(|(index, entry)| entry.at(index, index * 1_000)).collect())
}

fn lists(mode: Mode, asked: &str, answered: &str) -> Verdict {
    let history = history("append", asked, OperationKind::Ok, read(answered));
    check(&history, ListAppend::new(Options { mode, ..Options::default() }))
}

fn registers(mode: Mode, asked: &str, answered: &str) -> Verdict {
    let history = history("w", asked, OperationKind::Ok, read(answered));
    check(&history, RwRegister::new(Options { mode, ..Options::default() }, VersionOrders::default()))
}

fn types(verdict: &Verdict) -> String {
    verdict.results.get("anomaly-types").map_or("none".to_owned(), Value::to_string)
}

#[test]
fn a_reply_to_something_else_passes_upstream_and_not_here() {
    let asked = "[[:r :x nil] [:append :y 1]]";
    for answered in [
        "[[:r :x [1]]]",
        "[[:append :y 1] [:r :x [1]]]",
        "[[:r :z []] [:append :y 1]]",
        "[[:r :x [1]] [:append :y 2]]",
        "[]",
        "nil",
    ] {
        assert_eq!(types(&lists(Mode::Strict, asked, answered)), "(:reply-mismatch)", "{answered}");
        assert_eq!(lists(Mode::Compat, asked, answered).validity, Validity::Valid, "{answered}");
    }
    assert_eq!(types(&lists(Mode::Strict, asked, "[[:r :x 1] [:append :y 1]]")), "(:reply-mismatch)");
    assert_eq!(types(&registers(Mode::Strict, "[[:r :x nil]]", "[[:r :y nil]]")), "(:reply-mismatch)");
}

#[test]
fn where_upstream_would_pass_a_history_a_finding_says_so() {
    let checker = |mode| ListAppend::new(Options { mode, ..Options::default() });
    let history = history("append", "[[:r :x nil]]", OperationKind::Ok, read("[[:r :y [1]]]"));
    let verdict = check(&history, Compared::new(checker(Mode::Strict), checker(Mode::Compat)));
    assert_eq!(verdict.validity, Validity::Invalid);
    let last = verdict.findings.last().map(|finding| finding.sentence.as_str());
    assert!(last.is_some_and(|sentence| sentence.starts_with("Maelstrom would call this")), "{last:?}");
}

#[test]
fn a_mismatch_says_what_was_asked_and_what_came() {
    let verdict = lists(Mode::Strict, "[[:r :x nil] [:append :y 1]]", "[[:r :x [1]]]");
    insta::assert_snapshot!(verdict.findings[0].sentence, @"reply-mismatch: operation 2 asked for [[:r :x nil] [:append :y 1]] and was answered with [[:r :x [1]]]: a reply has the same micro-operations as the request, in the same order, with each read filled in.");
    assert_eq!(verdict.findings[0].operations, [2, 3]);
}

#[test]
fn a_value_that_appears_between_two_reads_passes_upstream_and_not_here() {
    let twice = "[[:r :x nil] [:r :x nil]]";
    assert!(types(&registers(Mode::Strict, twice, "[[:r :x nil] [:r :x 1]]")).contains(":internal"));
    assert!(!types(&registers(Mode::Compat, twice, "[[:r :x nil] [:r :x 1]]")).contains(":internal"));
    assert!(types(&lists(Mode::Strict, twice, "[[:r :x nil] [:r :x [1]]]")).contains(":internal"));
    assert!(!types(&lists(Mode::Compat, twice, "[[:r :x nil] [:r :x [1]]]")).contains(":internal"));
    let appended = "[[:r :x nil] [:append :x 2] [:r :x nil]]";
    for mode in [Mode::Strict, Mode::Compat] {
        assert!(
            types(&lists(mode, appended, "[[:r :x nil] [:append :x 2] [:r :x [1 2]]]")).contains(":internal")
        );
    }
}

#[test]
fn a_value_that_nobody_wrote_passes_upstream_and_not_here() {
    assert_eq!(types(&registers(Mode::Strict, "[[:r :x nil]]", "[[:r :x 7]]")), "(:unwritten-read)");
    assert_eq!(registers(Mode::Compat, "[[:r :x nil]]", "[[:r :x 7]]").validity, Validity::Valid);
    assert!(types(&lists(Mode::Strict, "[[:r :x nil]]", "[[:r :x [1 7]]]")).contains(":unwritten-read"));
    assert_eq!(lists(Mode::Compat, "[[:r :x nil]]", "[[:r :x [1 7]]]").validity, Validity::Unknown);
}

#[test]
fn a_cycle_is_told_in_words() {
    let verdict = lists(Mode::Strict, "[[:r :x nil]]", "[[:r :x []]]");
    insta::assert_snapshot!(verdict.findings[0].sentence, @"G-single-item-realtime: no order of these transactions explains them. T1 came before T2, because T1 had completed (index 1) 0.000 s before T2 was invoked (index 2); but T2 came before T1, because T2 did not see T1's append of 1 to key :x; a contradiction. Here T1 is operation 1 of process 0, T2 is operation 3 of process 1.");
}

#[test]
fn what_cannot_be_judged_is_unknown_and_says_why() {
    for (asked, reason) in [
        ("[[:append :x 1]]", "which another transaction wrote before"),
        ("[[:add :x 2]]", "is not a transaction"),
        ("{:x 1}", "is not a transaction"),
        ("[[:r]]", "is not a transaction"),
        ("[[:append :x]]", "is not a transaction"),
    ] {
        let verdict = lists(Mode::Strict, asked, "[]");
        assert_eq!(verdict.validity, Validity::Unknown, "{asked}");
        assert!(verdict.findings[0].sentence.contains(reason), "{}", verdict.findings[0].sentence);
    }
}

#[test]
fn what_may_have_happened_may_be_read() {
    let crashed = Operation::invoke(0, "txn", read("[[:append :x 1]]"));
    let reader = Operation::invoke(1, "txn", read("[[:r :x nil]]"));
    let entries =
        [crashed.clone(), reader.clone(), reader.completed(OperationKind::Ok, read("[[:r :x [1]]]"))];
    let history = History::new((0..).zip(entries).map(|(index, entry)| entry.at(index, index)).collect());
    assert_eq!(check(&history, ListAppend::new(Options::default())).validity, Validity::Valid);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        (-2_i64..4).prop_map(Value::from),
        Just(Value::Int(i128::MAX)),
        prop::sample::select(vec!["r", "append", "w", "x"]).prop_map(Value::keyword),
        Just(Value::Float(f64::NAN)),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Vector),
            prop::collection::vec(inner, 0..4).prop_map(Value::List),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_value_crashes_a_checker(
        entries in prop::collection::vec((0_usize..4, 0_u64..3, any_value()), 0..12),
        strict in any::<bool>(),
    ) {
        let kinds = [OperationKind::Invoke, OperationKind::Ok, OperationKind::Fail, OperationKind::Info];
        let mode = if strict { Mode::Strict } else { Mode::Compat };
        let checkers: [Box<dyn Checker>; 2] = [
            Box::new(ListAppend::new(Options { mode, ..Options::default() })),
            Box::new(RwRegister::new(Options { mode, ..Options::default() }, VersionOrders { linearizable_keys: true, sequential_keys: true, ..VersionOrders::default() })),
        ];
        for mut checker in checkers {
            for (index, (kind, process, value)) in (0..).zip(&entries) {
                let operation = Operation::invoke(*process, "txn", value.clone());
                checker.observe(&operation.completed(kinds[*kind], value.clone()).at(index, index));
            }
            checker.finish();
        }
    }
}
