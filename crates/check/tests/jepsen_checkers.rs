//! The checkers of Jepsen's own tests: against definitions tried out in every order, and on what each must reject.

use glomers_check::Validity::{Invalid, Unknown, Valid};
use glomers_check::{
    Bank, Checker, Comments, Counter, History, LongFork, Mode, Operation, OperationKind, TotalQueue,
    UnorderedQueue, Validity, Value, Verdict, check,
};
use proptest::prelude::*;
use proptest::sample::Index;

/// An operation of a small history: what it does, how it ends, and where, as shares of the history.
#[derive(Clone, Debug)]
struct Call {
    f: &'static str,
    asked: Value,
    answered: Value,
    kind: OperationKind,
    places: (Index, Index),
}

/// A call with its place in time; the end is none where the outcome is unknown.
struct Timed<'a> {
    call: &'a Call,
    begin: usize,
    end: Option<usize>,
}

/// Puts the calls in an order that their places choose, each of a process of its own.
fn history(calls: &[Call]) -> (History, Vec<Timed<'_>>) {
    let mut events: Vec<(usize, bool)> = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        let begin = call.places.0.index(events.len() + 1);
        events.insert(begin, (number, true));
        let end = begin + 1 + call.places.1.index(events.len() - begin);
        events.insert(end, (number, false));
    }
    let operations = events.iter().enumerate().map(|(index, &(number, is_begin))| {
        let call = &calls[number];
        let invoke = Operation::invoke(number as u64, call.f, call.asked.clone());
        let operation = if is_begin { invoke } else { invoke.completed(call.kind, call.answered.clone()) };
        operation.at(index as u64, index as u64)
    });
    let place =
        |wanted: (usize, bool)| events.iter().position(|event| *event == wanted).expect("each call has both");
    let timed = calls.iter().enumerate().filter(|(_, call)| call.kind != OperationKind::Fail).map(
        |(number, call)| Timed {
            call,
            begin: place((number, true)),
            end: (call.kind == OperationKind::Ok).then(|| place((number, false))),
        },
    );
    (History::new(operations.collect()), timed.collect())
}

/// Whether some order of the calls agrees with real time and with `step`; calls of unknown outcome may be left out.
fn has_order<S: Clone>(
    calls: &[Timed<'_>],
    done: &mut Vec<bool>,
    state: &S,
    step: &impl Fn(&S, &Call) -> Option<S>,
) -> bool {
    if calls.iter().zip(done.iter()).all(|(call, done)| *done || call.end.is_none()) {
        return true;
    }
    (0..calls.len()).any(|next| {
        let waits =
            |other: usize| !done[other] && calls[other].end.is_some_and(|end| end < calls[next].begin);
        if done[next] || (0..calls.len()).any(waits) {
            return false;
        }
        let Some(state) = step(state, calls[next].call) else { return false };
        done[next] = true;
        let found = has_order(calls, done, &state, step);
        done[next] = false;
        found
    })
}

fn is_linearizable<S: Clone>(calls: &[Timed<'_>], initial: S, step: impl Fn(&S, &Call) -> Option<S>) -> bool {
    has_order(calls, &mut vec![false; calls.len()], &initial, &step)
}

fn kind() -> impl Strategy<Value = OperationKind> {
    prop_oneof![4 => Just(OperationKind::Ok), 1 => Just(OperationKind::Info), 1 => Just(OperationKind::Fail)]
}

fn call(f: &'static str, asked: Value, answered: Value) -> impl Strategy<Value = Call> {
    (kind(), any::<(Index, Index)>()).prop_map(move |(kind, places)| Call {
        f,
        asked: asked.clone(),
        answered: answered.clone(),
        kind,
        places,
    })
}

fn counter_calls() -> impl Strategy<Value = Vec<Call>> {
    let add = (-1..4_i64).prop_flat_map(|amount| call("add", amount.into(), amount.into()));
    let read = (-1..7_i64).prop_flat_map(|value| call("read", Value::Nil, value.into()));
    prop::collection::vec(prop_oneof![add, read], 1..7)
}

fn bag_calls() -> impl Strategy<Value = Vec<Call>> {
    let enqueue = (0..2_i64).prop_flat_map(|value| call("enqueue", value.into(), value.into()));
    let dequeue = (0..2_i64).prop_flat_map(|value| call("dequeue", Value::Nil, value.into()));
    prop::collection::vec(prop_oneof![enqueue, dequeue], 1..8)
}

fn insert_calls() -> impl Strategy<Value = Vec<Call>> {
    let read = (0..16_u8).prop_flat_map(|bits| {
        let shown = (0..4_u8).filter(|bit| bits & (1 << bit) != 0).map(|bit| Value::from(u64::from(bit)));
        call("read", Value::Nil, Value::Set(shown.collect()))
    });
    let write = (0..1_u8).prop_flat_map(|_| call("write", Value::Nil, Value::Nil));
    prop::collection::vec(prop_oneof![read, write], 1..8).prop_map(|mut calls| {
        // Each insert has a value of its own.
        for (value, call) in calls.iter_mut().filter(|call| call.f == "write").enumerate() {
            (call.asked, call.answered) = (value.into(), value.into());
        }
        calls
    })
}

fn bits(value: &Value) -> u32 {
    value.as_elements().expect("a set").iter().map(|element| 1 << element.as_int().expect("a number")).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("GLOMERS_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000)
    ))]

    #[test]
    fn a_counter_is_never_refused_if_it_is_linearizable(calls in counter_calls()) {
        let (history, timed) = history(&calls);
        let is_linearizable = is_linearizable(&timed, 0, |sum, call| match call.f {
            "add" => Some(sum + call.asked.as_int()?),
            // Reads of unknown outcome showed nothing.
            _ => (call.kind != OperationKind::Ok || call.answered.as_int() == Some(*sum)).then_some(*sum),
        });
        let reads = calls.iter().filter(|call| call.f == "read" && call.kind == OperationKind::Ok).count();
        let validity = check(&history, Counter::new(Mode::Strict)).validity;
        prop_assert!(!is_linearizable || validity != Invalid, "{:?}", history);
        let additions = || timed.iter().filter(|timed| timed.call.f == "add");
        let have_order = additions().any(|first| additions().any(|second| first.end.is_some_and(|end| end < second.begin)));
        if reads == 1 && !have_order {
            prop_assert_eq!(validity, Validity::from(is_linearizable), "{:?}", history);
        }
    }

    #[test]
    fn an_unordered_queue_is_valid_if_and_only_if_it_is_a_linearizable_bag(calls in bag_calls()) {
        let (history, timed) = history(&calls);
        let is_linearizable = is_linearizable(&timed, [0_i32; 2], |bag, call| {
            let mut bag = *bag;
            if call.f == "enqueue" {
                bag[call.asked.as_int()? as usize] += 1;
            } else if call.kind == OperationKind::Ok {
                let count = &mut bag[call.answered.as_int()? as usize];
                *count -= 1;
                return (*count >= 0).then_some(bag);
            }
            Some(bag)
        });
        let judged = timed.iter().any(|timed| timed.end.is_some());
        let expected = if judged { Validity::from(is_linearizable) } else { Unknown };
        prop_assert_eq!(check(&history, UnorderedQueue::new(Mode::Strict)).validity, expected, "{:?}", history);
    }

    #[test]
    fn inserts_are_valid_if_and_only_if_they_are_strictly_serializable(calls in insert_calls()) {
        let (history, timed) = history(&calls);
        let is_linearizable = is_linearizable(&timed, 0_u32, |state, call| match call.f {
            "write" => Some(state | 1 << call.asked.as_int()?),
            _ => (call.kind != OperationKind::Ok || bits(&call.answered) == *state).then_some(*state),
        });
        let is_judged = calls.iter().any(|call| call.f == "read" && call.kind == OperationKind::Ok);
        let expected = if is_judged { Validity::from(is_linearizable) } else { Unknown };
        let verdict = check(&history, Comments::new(Mode::Strict));
        prop_assert_eq!(verdict.validity, expected, "{:?}", verdict.findings);
        prop_assert!(expected == Valid || !verdict.findings.is_empty());
        // Jepsen looks at less, and never refuses what is right.
        let compat = check(&history, Comments::new(Mode::Compat)).validity;
        prop_assert!(compat == Valid || expected != Valid);
    }

    #[test]
    fn reads_are_valid_if_and_only_if_they_show_beginnings_of_one_order(
        reads in prop::collection::vec(prop::collection::vec(prop::option::of(any::<bool>()), 4), 1..6),
    ) {
        let operations = reads.iter().enumerate().flat_map(|(number, read)| {
            let step = |(key, seen): (usize, &Option<bool>)| {
                let seen = (*seen)?;
                let value = if seen { Value::from(1) } else { Value::Nil };
                Some(Value::Vector(vec![Value::keyword("r"), key.into(), value]))
            };
            let steps: Vec<Value> = read.iter().enumerate().filter_map(step).collect();
            let invoke = Operation::invoke(10 + number as u64, "read", steps.clone());
            [invoke.clone(), invoke.completed(OperationKind::Ok, steps)]
        });
        let writes = (0..4_u64).map(|key| {
            Operation::invoke(key, "write", vec![Value::Vector(vec![Value::keyword("w"), key.into(), 1.into()])])
        });
        let history = numbered(writes.chain(operations));
        let shows_beginning = |order: &[usize; 4], read: &[Option<bool>]| {
            (0..=4).any(|length| read.iter().enumerate().all(|(key, seen)| {
                seen.is_none_or(|seen| seen == order[..length].contains(&key))
            }))
        };
        let has_order = permutations().iter().any(|order| reads.iter().all(|read| shows_beginning(order, read)));
        let verdict = check(&history, LongFork::new(Mode::Strict));
        prop_assert_eq!(verdict.validity, Validity::from(has_order), "{:?}", verdict.findings);
    }

    #[test]
    fn a_bank_that_moves_money_is_valid_until_it_makes_some(
        transfers in prop::collection::vec((0..4_usize, 0..4_usize, 1..6_i64), 1..20),
        amount in prop_oneof![-5..0_i64, 1..6_i64],
        wrong in any::<Index>(),
    ) {
        let mut balances = [25_i64; 4];
        let mut reads = vec![balances];
        for (from, to, amount) in transfers {
            if balances[from] >= amount {
                balances[from] -= amount;
                balances[to] += amount;
            }
            reads.push(balances);
        }
        let of = |reads: &[[i64; 4]]| {
            numbered(reads.iter().flat_map(|balances| {
                let map = balances.iter().enumerate().map(|(account, balance)| (account.into(), (*balance).into()));
                let invoke = Operation::invoke(0, "read", ());
                [invoke.clone(), invoke.completed(OperationKind::Ok, Value::Map(map.collect()))]
            }))
        };
        for mode in [Mode::Strict, Mode::Compat] {
            prop_assert_eq!(check(&of(&reads), Bank::new(mode)).validity, Valid);
        }
        let wrong = wrong.index(reads.len());
        reads[wrong][0] += amount;
        for mode in [Mode::Strict, Mode::Compat] {
            prop_assert_eq!(check(&of(&reads), Bank::new(mode).with_total(100)).validity, Invalid);
        }
    }

    #[test]
    fn a_queue_that_loses_nothing_is_valid_and_one_element_less_is_lost(
        elements in prop::collection::vec(0..5_i64, 1..10),
        taken in any::<Index>(),
        lost in any::<Index>(),
    ) {
        let (early, late) = elements.split_at(taken.index(elements.len()));
        let run = |late: &[i64]| {
            let enqueues = elements.iter().map(|element| ("enqueue", Value::from(*element), Value::from(*element)));
            let dequeues = early.iter().map(|element| ("dequeue", Value::Nil, Value::from(*element)));
            let drain = [("drain", Value::Nil, Value::from(late.to_vec()))];
            numbered(enqueues.chain(dequeues).chain(drain).flat_map(|(f, asked, answered)| {
                let invoke = Operation::invoke(0, f, asked);
                [invoke.clone(), invoke.completed(OperationKind::Ok, answered)]
            }))
        };
        let mut rest = late.to_vec();
        rest.remove(lost.index(rest.len()));
        for mode in [Mode::Strict, Mode::Compat] {
            prop_assert_eq!(check(&run(late), TotalQueue::new(mode)).validity, Valid);
            prop_assert_eq!(check(&run(&rest), TotalQueue::new(mode)).validity, Invalid);
        }
    }
}

fn permutations() -> Vec<[usize; 4]> {
    let mut all = Vec::new();
    for code in 0..256_usize {
        let order = [code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6];
        if (0..4).all(|key| order.contains(&key)) {
            all.push(order);
        }
    }
    all
}

fn numbered(operations: impl Iterator<Item = Operation>) -> History {
    operations.zip(0..).map(|(operation, index)| operation.at(index, index)).collect()
}

/// The verdicts of both modes on a history.
fn verdicts<C: Checker + 'static>(text: &str, new: impl Fn(Mode) -> C) -> (Verdict, Verdict) {
    let history = History::from_edn(text).expect("a history");
    (check(&history, new(Mode::Strict)), check(&history, new(Mode::Compat)))
}

fn assert_verdicts<C: Checker + 'static>(
    text: &str,
    new: impl Fn(Mode) -> C,
    strict: Validity,
    compat: Validity,
) {
    let (ours, theirs) = verdicts(text, new);
    assert_eq!((ours.validity, theirs.validity), (strict, compat), "{text}\n{:?}", ours.findings);
    let differs = ours.findings.iter().any(|finding| finding.sentence.starts_with("Jepsen would call this"));
    assert_eq!(differs, strict != compat, "{:?}", ours.findings);
    assert!(strict == Valid || !ours.findings.is_empty());
}

/// Operations one after the other: process, function, what was asked, type and what was answered.
fn calls(calls: &[(u64, &str, &str, &str, &str)]) -> String {
    let mut text = String::new();
    for (process, f, asked, kind, answered) in calls {
        text += &format!("{{:type :invoke, :process {process}, :f :{f}, :value {asked}}}\n");
        text += &format!("{{:type :{kind}, :process {process}, :f :{f}, :value {answered}}}\n");
    }
    text
}

#[test]
fn what_a_counter_must_not_show() {
    let add = (0, "add", "2", "ok", "2");
    for (then, strict, compat) in [
        (("read", "2"), Valid, Valid),
        (("read", "1"), Invalid, Invalid),
        (("read", "3"), Invalid, Invalid),
        (("read", "nil"), Invalid, Unknown),
    ] {
        assert_verdicts(&calls(&[add, (1, then.0, "nil", "ok", then.1)]), Counter::new, strict, compat);
    }
    // An addition that failed is in no sum, and one of unknown outcome in some.
    let read = |value| (2, "read", "nil", "ok", value);
    assert_verdicts(&calls(&[(0, "add", "2", "fail", "2"), read("2")]), Counter::new, Invalid, Invalid);
    assert_verdicts(&calls(&[(0, "add", "2", "info", "2"), read("2")]), Counter::new, Valid, Valid);
    assert_verdicts(&calls(&[(0, "add", "2", "info", "2"), read("1")]), Counter::new, Invalid, Valid);
    // It does not go back, unless something was subtracted.
    let unknown = (0, "add", "2", "info", "2");
    assert_verdicts(
        &calls(&[unknown, read("2"), (1, "read", "nil", "ok", "0")]),
        Counter::new,
        Invalid,
        Valid,
    );
    assert_verdicts(&calls(&[(0, "add", "-2", "ok", "-2"), read("-2")]), Counter::new, Valid, Unknown);
    assert_verdicts(&calls(&[add]), Counter::new, Unknown, Valid);
}

#[test]
fn what_a_bank_must_not_show() {
    let read = |value| (0, "read", "nil", "ok", value);
    for (value, strict, compat) in [
        ("{0 50, 1 50}", Valid, Valid),
        ("{0 100}", Valid, Valid),
        ("{0 50, 1 49}", Invalid, Invalid),
        ("{0 101, 1 -1}", Invalid, Invalid),
        ("{0 50, 2 50}", Invalid, Invalid),
        ("{0 50, 1 nil}", Invalid, Invalid),
        ("{0 50, 1 \"50\"}", Invalid, Unknown),
        ("[50 50]", Invalid, Unknown),
    ] {
        let new = |mode| Bank::new(mode).with_total(100).with_accounts([0.into(), 1.into()]);
        assert_verdicts(&calls(&[read(value)]), new, strict, compat);
    }
    let negative = calls(&[read("{0 101, 1 -1}")]);
    assert_verdicts(&negative, |mode| Bank::new(mode).allowing_negative_balances(), Valid, Valid);
    assert_verdicts(&calls(&[(0, "read", "nil", "fail", "nil")]), Bank::new, Unknown, Valid);
}

#[test]
fn what_long_fork_must_not_show() {
    let writes =
        [(0, "write", "[[:w 1 1]]", "ok", "[[:w 1 1]]"), (0, "write", "[[:w 2 1]]", "ok", "[[:w 2 1]]")];
    let read = |value| (1, "read", "[[:r 1 nil] [:r 2 nil]]", "ok", value);
    let with = |reads: &[_]| calls(&[&writes[..], reads].concat());
    let (only_first, only_second) = (read("[[:r 1 1] [:r 2 nil]]"), read("[[:r 1 nil] [:r 2 1]]"));
    assert_verdicts(&with(&[only_first, only_first]), LongFork::new, Valid, Valid);
    assert_verdicts(&with(&[only_first, only_second]), LongFork::new, Invalid, Invalid);
    // A fork that reads of other keys hide from Jepsen, which believes any value.
    let three = read("[[:r 1 nil] [:r 2 1] [:r 3 nil]]");
    assert_verdicts(&with(&[only_first, three]), LongFork::new, Invalid, Unknown);
    assert_verdicts(&with(&[read("[[:r 1 7] [:r 2 nil]]")]), LongFork::new, Invalid, Valid);
    assert_verdicts(&with(&[writes[0], only_first]), LongFork::new, Unknown, Unknown);
    assert_verdicts(&with(&[]), LongFork::new, Unknown, Valid);
}

#[test]
fn what_comments_must_not_show() {
    let write = |value| (0, "write", value, "ok", value);
    let read = |value| (1, "read", "nil", "ok", value);
    assert_verdicts(&calls(&[write("1"), write("2"), read("#{1 2}")]), Comments::new, Valid, Valid);
    assert_verdicts(&calls(&[write("1"), write("2"), read("#{2}")]), Comments::new, Invalid, Invalid);
    assert_verdicts(&calls(&[write("1"), read("#{}")]), Comments::new, Invalid, Valid);
    assert_verdicts(&calls(&[read("[3]"), write("3")]), Comments::new, Invalid, Valid);
    assert_verdicts(&calls(&[(0, "write", "1", "fail", "1"), read("[1]")]), Comments::new, Invalid, Valid);
    assert_verdicts(&calls(&[write("1"), write("1"), read("[1]")]), Comments::new, Unknown, Valid);
    assert_verdicts(&calls(&[write("1"), read("7")]), Comments::new, Unknown, Unknown);
}

#[test]
fn what_queues_must_not_do() {
    let enqueue = |value, kind| (0, "enqueue", value, kind, value);
    let dequeue = |value| (1, "dequeue", "nil", "ok", value);
    let drain = |value| (1, "drain", "nil", "ok", value);
    let twice = calls(&[enqueue("1", "ok"), dequeue("1"), dequeue("1")]);
    assert_verdicts(&twice, UnorderedQueue::new, Invalid, Invalid);
    assert_verdicts(&twice, TotalQueue::new, Invalid, Valid);
    let early = calls(&[dequeue("1"), enqueue("1", "ok")]);
    assert_verdicts(&early, UnorderedQueue::new, Invalid, Invalid);
    assert_verdicts(&early, TotalQueue::new, Invalid, Valid);
    let failed = calls(&[enqueue("1", "fail"), drain("[1]")]);
    assert_verdicts(&failed, UnorderedQueue::new, Invalid, Valid);
    assert_verdicts(&failed, TotalQueue::new, Invalid, Valid);
    let lost = [enqueue("1", "ok"), enqueue("2", "ok"), drain("[2]")];
    assert_verdicts(&calls(&lost), UnorderedQueue::new, Valid, Valid);
    assert_verdicts(&calls(&lost), TotalQueue::new, Invalid, Invalid);
    // Where an element can be elsewhere, it is not known to be lost.
    assert_verdicts(&calls(&lost[..2]), TotalQueue::new, Unknown, Invalid);
    let crashed = |f| (2, f, "nil", "info", "nil");
    assert_verdicts(
        &calls(&[lost[0], lost[1], crashed("dequeue"), lost[2]]),
        TotalQueue::new,
        Unknown,
        Invalid,
    );
    assert_verdicts(
        &calls(&[lost[0], lost[1], crashed("drain"), lost[2]]),
        TotalQueue::new,
        Unknown,
        Unknown,
    );
    assert_verdicts(&calls(&[enqueue("1", "info"), drain("[1]")]), TotalQueue::new, Valid, Valid);
    assert_verdicts(&calls(&[drain("[9]")]), TotalQueue::new, Invalid, Invalid);
}
