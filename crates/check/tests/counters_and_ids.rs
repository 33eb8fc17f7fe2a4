//! Counters and ids: small histories that must be rejected, and random ones.

#[path = "support/direct.rs"]
mod direct;

use direct::observe;
use glomers_check::{History, Mode, PnCounter, UniqueIds, Validity, Value, Verdict};
use proptest::prelude::*;

/// A history of lines such as `0 ok add 7`, a millisecond apart; `final` stands for `read` with `:final? true`.
fn history(lines: &[&str]) -> History {
    let text: String = lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let parts: Vec<&str> = line.splitn(4, ' ').collect();
            let [process, kind, f, value] = parts[..] else { panic!("four parts in {line}") };
            let (f, last) = if f == "final" { ("read", ", :final? true") } else { (f, "") };
            let time_ns = index * 1_000_000;
            format!("{{:index {index}, :time {time_ns}, :type :{kind}, :process {process}, :f :{f}, :value {value}{last}}}\n")
        })
        .collect();
    History::from_edn(&text).expect("a history")
}

fn counter(mode: Mode, lines: &[&str]) -> Verdict {
    observe(&history(lines), PnCounter::new(mode))
}

fn ids(mode: Mode, lines: &[&str]) -> Verdict {
    observe(&history(lines), UniqueIds::new(mode))
}

#[test]
fn a_counter_may_count_what_is_unknown_and_nothing_else() {
    let lines = |read: &'static str| {
        [
            "0 invoke add 5",
            "0 ok add 5",
            "1 invoke add 2",
            "1 info add 2",
            "2 invoke add 1000",
            "2 fail add 1000",
            "3 invoke add -1",
            "3 info add -1",
            "0 invoke final nil",
            read,
        ]
    };
    for (read, validity) in [
        ("0 ok final 4", Validity::Valid),
        ("0 ok final 5", Validity::Valid),
        ("0 ok final 6", Validity::Valid),
        ("0 ok final 7", Validity::Valid),
        ("0 ok final 3", Validity::Invalid),
        ("0 ok final 8", Validity::Invalid),
        ("0 ok final 1005", Validity::Invalid),
    ] {
        assert_eq!(counter(Mode::Strict, &lines(read)).validity, validity, "{read}");
        assert_eq!(counter(Mode::Compat, &lines(read)).validity, validity, "{read}");
    }
    let verdict = counter(Mode::Strict, &lines("0 ok final 8"));
    insta::assert_snapshot!(verdict.findings[0].sentence, @"The final read of operation 9 (process 0, 0.009 s) is 8; 1 addition that was acknowledged makes 5, and with the 2 of unknown outcome 4 to 7 are possible.");
    insta::assert_snapshot!(verdict.results, @"{:valid? false, :errors (#jepsen.history.Op{:index 9, :time 9000000, :type :ok, :process 0, :f :read, :value 8, :final? true}), :final-reads (8), :acceptable ([4 7])}");
}

#[test]
fn reads_before_the_end_are_not_judged() {
    let lines = ["0 invoke read nil", "0 ok read 99", "0 invoke final nil", "0 ok final 0"];
    assert_eq!(counter(Mode::Strict, &lines).validity, Validity::Valid);
}

#[test]
fn a_counter_that_cannot_be_read_in_the_end_is_invalid_and_one_never_asked_unknown() {
    let tried = ["0 invoke add 1", "0 ok add 1", "0 invoke final nil", "0 fail final nil"];
    assert_eq!(counter(Mode::Strict, &tried).validity, Validity::Invalid);
    assert_eq!(counter(Mode::Compat, &tried).validity, Validity::Valid);
    let verdict = counter(Mode::Strict, &tried[..2]);
    assert_eq!(verdict.validity, Validity::Unknown);
    assert_eq!(verdict.findings.last().unwrap().sentence, "Maelstrom would call this valid.");
}

#[test]
fn a_counter_that_reads_no_integer_is_invalid() {
    for answer in ["0 ok final 1.0", "0 ok final \"1\"", "0 ok final nil"] {
        let lines = ["0 invoke add 1", "0 ok add 1", "0 invoke final nil", answer];
        assert_eq!(counter(Mode::Strict, &lines).validity, Validity::Invalid, "{answer}");
        assert_eq!(counter(Mode::Compat, &lines).validity, Validity::Unknown, "{answer}");
    }
}

#[test]
fn an_addition_that_never_ended_may_have_happened() {
    let lines = ["1 invoke add 2", "0 invoke final nil", "0 ok final 2"];
    assert_eq!(counter(Mode::Strict, &lines).validity, Validity::Valid);
    assert_eq!(counter(Mode::Compat, &lines).validity, Validity::Invalid);
}

#[test]
fn sums_that_cannot_be_told_are_unknown() {
    let no_integer = ["0 invoke add nil", "0 ok add nil", "0 invoke final nil", "0 ok final 2"];
    assert_eq!(counter(Mode::Strict, &no_integer).validity, Validity::Unknown);
    let mut scattered: Vec<String> = Vec::new();
    for process in 0..40_u32 {
        let amount = 3_u64.pow(process);
        scattered.extend([format!("{process} invoke add {amount}"), format!("{process} info add {amount}")]);
    }
    let scattered: Vec<&str> = scattered.iter().map(String::as_str).collect();
    assert_eq!(counter(Mode::Strict, &scattered).validity, Validity::Unknown);
}

#[test]
fn ids_of_any_kind_are_compared() {
    for (id, other) in
        [("1", "2"), ("\"a\"", "\"b\""), ("[1 2]", "[2 1]"), ("{\"a\" 1}", "{\"a\" 2}"), ("1", "\"1\"")]
    {
        let lines = |second: &str| {
            let ends = [format!("0 ok generate {id}"), format!("0 ok generate {second}")];
            let lines = ["0 invoke generate nil", &ends[0], "0 invoke generate nil", &ends[1]];
            ids(Mode::Strict, &lines).validity
        };
        assert_eq!(lines(other), Validity::Valid, "{id} {other}");
        assert_eq!(lines(id), Validity::Invalid, "{id} {id}");
    }
}

#[test]
fn the_most_frequent_duplicates_are_shown() {
    let mut lines = Vec::new();
    for id in 0..60 {
        let times = if id == 3 { 4 } else { 2 };
        lines.extend((0..times).map(|_| format!("0 ok generate {id}")));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let verdict = ids(Mode::Strict, &lines);
    let results = &verdict.results;
    assert_eq!(results.get("duplicated-count").unwrap(), &Value::Int(60));
    assert_eq!(results.get("range").unwrap().to_string(), "[0 59]");
    let shown = results.get("duplicated").unwrap().as_map().unwrap();
    assert_eq!(shown.len(), 48);
    assert_eq!((&shown[0].0, &shown[0].1), (&Value::Int(3), &Value::Int(4)));
    assert_eq!(shown[1].0, Value::Int(13));
    assert_eq!(verdict.findings.last().unwrap().sentence, "And 57 more ids were given more than once.");
}

#[test]
fn without_an_id_there_is_nothing_to_judge() {
    let lines = ["0 invoke generate nil", "0 info generate nil", "0 fail generate nil"];
    assert_eq!(ids(Mode::Strict, &lines).validity, Validity::Unknown);
    let compat = ids(Mode::Compat, &lines);
    assert_eq!(compat.validity, Validity::Valid);
    assert_eq!(compat.results.get("range").unwrap().to_string(), "[nil nil]");
}

proptest! {
    #[test]
    fn a_counter_that_counts_some_of_the_unknown_is_valid_and_one_off_is_not(
        amounts in prop::collection::vec((-5_i64..5, 0..3_usize, any::<bool>()), 0..40), error in 1000_i64..2000,
    ) {
        let mut lines = Vec::new();
        let mut sum = 0;
        for (process, (amount, outcome, happens)) in amounts.iter().enumerate() {
            let kind = ["ok", "fail", "info"][*outcome];
            lines.extend([format!("{process} invoke add {amount}"), format!("{process} {kind} add {amount}")]);
            if *outcome == 0 || (*outcome == 2 && *happens) {
                sum += amount;
            }
        }
        let validity = |read: i64| {
            let end = ["99 invoke final nil".to_owned(), format!("99 ok final {read}")];
            let lines: Vec<&str> = lines.iter().chain(&end).map(String::as_str).collect();
            counter(Mode::Strict, &lines).validity
        };
        prop_assert_eq!(validity(sum), Validity::Valid);
        prop_assert_eq!(validity(sum + error), Validity::Invalid);
    }

    #[test]
    fn one_repeated_id_among_many_is_found(count in 2..200_usize, a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let (a, b) = (a.index(count), b.index(count));
        let lines: Vec<String> = (0..count)
            .map(|number| format!("0 ok generate {}", if number == b { a } else { number }))
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        prop_assert_eq!(ids(Mode::Strict, &lines).validity, Validity::from(a == b));
    }
}
