//! Verdicts on small random histories agree with the definition of linearizability, tried out by brute force on objects
//! that share no code with the models.

use glomers_check::linear::models::{Keyed, Log, MultiRegister, Mutex, Queue, Register, Set};
use glomers_check::linear::{Budget, Linearizability, Model};
use glomers_check::{History, Mode, Operation, OperationKind, Validity, Value, check};
use proptest::test_runner::TestCaseResult;

#[path = "support/cases.rs"]
mod cases;
#[path = "support/objects.rs"]
mod objects;
#[path = "support/searches.rs"]
mod searches;

use cases::{require, try_cases};
use objects::{
    Drawn, Object, SimpleLogs, SimpleMutex, SimpleQueue, SimpleRegister, SimpleRegisters, SimpleSet,
    SimpleStore, asked, drawn, fits, play,
};

/// The checker's verdict is the definition's, and the operation that it blames is the first whose end breaks the history.
fn agree<M: Model + 'static>(model: &M, object: &impl Object, history: &History) -> TestCaseResult {
    let budget = searches::budget_for(history);
    let expected = Validity::from(fits(object, history, u64::MAX - 1));
    let verdict = check(history, Linearizability::new(model.clone()).with_budget(budget));
    let lines = || history.operations().iter().map(|operation| format!("{operation}\n")).collect::<String>();
    if verdict.validity == Validity::Unknown && searches::may_give_up(budget) {
        return Ok(());
    }
    require(verdict.validity == expected, || format!("it is {expected}: {}{}", lines(), verdict.results))?;
    let Some(blamed) = verdict.findings.first() else { return Ok(()) };
    let end = *blamed.operations.last().expect("a violation names an operation");
    require(!fits(object, history, end), || format!("{} too early: {}", blamed.sentence, lines()))?;
    let claims_more = !blamed.sentence.contains("maybe not even fewer");
    require(!claims_more || fits(object, history, end - 1), || {
        format!("{} too late: {}", blamed.sentence, lines())
    })
}

fn strict_register() -> Register {
    Register::new(Value::from(0), Mode::Strict)
}

fn register_operation(drawn: &Drawn, key: Option<u8>) -> Operation {
    match drawn.choice % 3 {
        0 => asked("read", (), key),
        1 => asked("write", drawn.value, key),
        _ => asked("cas", vec![Value::from(drawn.value), Value::from(drawn.other)], key),
    }
}

/// What upstream makes of a history: failed operations and reads of nil do not count.
fn as_upstream_sees_it(history: &History) -> History {
    let entries = history.operations().iter().map(|entry| {
        let tells_nothing =
            entry.kind == OperationKind::Fail || (entry.f == "read" && entry.is_ok() && entry.value.is_nil());
        let mut entry = entry.clone();
        if tells_nothing {
            // A read whose outcome is unknown tells nothing either.
            (entry.kind, entry.error) = (OperationKind::Info, None);
        }
        entry
    });
    let mut entries: Vec<Operation> = entries.collect();
    let failed: Vec<_> =
        history.operations().iter().filter(|entry| entry.kind == OperationKind::Fail).collect();
    for entry in &mut entries {
        if failed.iter().any(|failed| failed.process == entry.process) {
            entry.f = "read".into();
        }
    }
    History::new(entries)
}

fn agree_on_register(history: &History) -> TestCaseResult {
    let object = SimpleRegister(Value::from(0));
    agree(&strict_register(), &object, history)?;
    let expected = Validity::from(fits(&object, &as_upstream_sees_it(history), u64::MAX - 1));
    let compat = Register::new(Value::from(0), Mode::Compat);
    let verdict = check(history, Linearizability::new(compat));
    require(verdict.validity == expected, || format!("{expected}: {:?}", verdict.findings))
}

#[test]
fn registers_of_few_values() {
    try_cases(2_000, drawn(10), |drawn| {
        let object = SimpleRegister(Value::from(0));
        agree_on_register(&play(&drawn, object, |_, drawn| register_operation(drawn, None)))
    });
}

#[test]
fn registers_to_which_no_value_is_written_twice() {
    try_cases(2_000, drawn(10), |mut drawn| {
        for (index, drawn) in drawn.iter_mut().enumerate() {
            drawn.other = 1 + index as u8;
            drawn.value = if drawn.choice % 3 == 1 { drawn.other } else { drawn.value * 2 };
        }
        let object = SimpleRegister(Value::from(0));
        agree_on_register(&play(&drawn, object, |_, drawn| register_operation(drawn, None)))
    });
}

#[test]
fn registers_most_of_whose_clients_never_learn_what_happened() {
    try_cases(2_000, drawn(10), |mut drawn| {
        drawn.iter_mut().for_each(|drawn| drawn.fate %= 3);
        let object = SimpleRegister(Value::from(0));
        let history = play(&drawn, object.clone(), |_, drawn| register_operation(drawn, None));
        agree(&strict_register(), &object, &history)
    });
}

#[test]
fn registers_by_key() {
    try_cases(2_000, drawn(10), |drawn| {
        let history =
            play(&drawn, SimpleStore::default(), |_, drawn| register_operation(drawn, Some(drawn.fate % 2)));
        agree(&Keyed::new(strict_register()), &SimpleStore::default(), &history)
    });
}

#[test]
fn mutexes() {
    try_cases(2_000, drawn(10), |drawn| {
        let history = play(&drawn, SimpleMutex(false), |_, drawn| {
            asked(["acquire", "release"][usize::from(drawn.choice % 2)], (), None)
        });
        agree(&Mutex, &SimpleMutex(false), &history)
    });
}

fn queue_history(drawn: &[Drawn], item: impl Fn(usize, &Drawn) -> u8) -> History {
    play(drawn, SimpleQueue(Vec::new()), |client, drawn| match drawn.choice % 2 {
        0 => asked("enqueue", item(client, drawn), None),
        _ => asked("dequeue", (), None),
    })
}

#[test]
fn queues_of_values_that_repeat() {
    try_cases(2_000, drawn(10), |drawn| {
        agree(&Queue, &SimpleQueue(Vec::new()), &queue_history(&drawn, |_, drawn| drawn.value))
    });
}

#[test]
fn queues_of_different_values() {
    try_cases(2_000, drawn(10), |mut drawn| {
        for drawn in &mut drawn {
            // Half of the histories have no crashed dequeues, and so need no search.
            drawn.fate = if drawn.begin % 2 == 0 { drawn.fate.max(2) } else { drawn.fate };
        }
        agree(&Queue, &SimpleQueue(Vec::new()), &queue_history(&drawn, |client, _| client as u8))
    });
}

#[test]
fn sets() {
    try_cases(2_000, drawn(10), |drawn| {
        for repeats in [true, false] {
            let history = play(&drawn, SimpleSet(Vec::new()), |client, drawn| match drawn.choice % 2 {
                0 => asked("add", if repeats { drawn.value } else { client as u8 }, None),
                _ => asked("read", (), None),
            });
            agree(&Set, &SimpleSet(Vec::new()), &history)?;
        }
        Ok(())
    });
}

/// Appends, puts as often as wished, and reads; of texts or of numbers.
fn log_history(drawn: &[Drawn], puts: bool, texts: bool, repeats: bool, keyed: bool) -> History {
    play(drawn, SimpleLogs::default(), |client, drawn| {
        let number = if repeats { drawn.value } else { client as u8 };
        let item =
            if texts { Value::from(format!("{};", number % 10).as_str()) } else { Value::from(number) };
        let key = keyed.then_some(drawn.value % 2);
        match drawn.choice % 5 {
            0 if puts => asked("put", item, key),
            0..=2 => asked("append", item, key),
            _ => asked(if texts { "get" } else { "read" }, (), key),
        }
    })
}

#[test]
fn logs() {
    try_cases(2_000, drawn(9), |drawn| {
        for (puts, texts) in [(false, false), (true, false), (false, true), (true, true)] {
            agree(&Log, &SimpleLogs::default(), &log_history(&drawn, puts, texts, false, false))?;
        }
        Ok(())
    });
}

#[test]
fn logs_of_items_that_repeat() {
    try_cases(2_000, drawn(9), |drawn| {
        for puts in [false, true] {
            agree(&Log, &SimpleLogs::default(), &log_history(&drawn, puts, false, true, false))?;
        }
        Ok(())
    });
}

#[test]
fn logs_by_key() {
    try_cases(2_000, drawn(10), |drawn| {
        for repeats in [false, true] {
            let history = log_history(&drawn, true, true, repeats, true);
            agree(&Keyed::new(Log), &SimpleLogs::default(), &history)?;
        }
        Ok(())
    });
}

#[test]
fn texts_that_begin_like_others_are_left_to_the_search() {
    try_cases(2_000, drawn(8), |drawn| {
        // "a", "aa" and "aaa": a read of them can be cut in more than one way.
        let history = play(&drawn, SimpleLogs::default(), |client, drawn| match drawn.choice % 3 {
            0 | 1 => asked("append", "aaaaaaaaaaaa"[..=client].to_owned(), None),
            _ => asked("get", (), None),
        });
        agree(&Log, &SimpleLogs::default(), &history)
    });
}

#[test]
fn several_registers() {
    try_cases(2_000, drawn(7), |drawn| {
        let object = SimpleRegisters(vec![Value::Nil; 2]);
        let history = play(&drawn, object.clone(), |_, drawn| {
            let micro = |kind: u8, key: u8, value: u8| {
                let f = ["r", "w"][usize::from(kind % 2)];
                let value = if f == "r" { Value::Nil } else { Value::from(value) };
                Value::Vector(vec![Value::keyword(f), Value::from(key % 2), value])
            };
            let mut micros = vec![micro(drawn.choice, drawn.value, drawn.other)];
            if drawn.choice % 8 < 4 {
                micros.push(micro(drawn.choice / 2, drawn.value / 2, drawn.value));
            }
            asked("txn", Value::Vector(micros), None)
        });
        agree(&MultiRegister::default(), &object, &history)
    });
}

#[test]
fn a_small_budget_gives_unknown_or_the_same_verdict() {
    try_cases(2_000, drawn(10), |drawn| {
        let object = SimpleRegister(Value::from(0));
        let history = play(&drawn, object.clone(), |_, drawn| register_operation(drawn, None));
        let expected = Validity::from(fits(&object, &history, u64::MAX - 1));
        for budget in [Budget::default().with_steps(6), Budget::default().with_memory_bytes(3_000)] {
            let small = check(&history, Linearizability::new(strict_register()).with_budget(budget)).validity;
            require(small == Validity::Unknown || small == expected, || format!("{small}, not {expected}"))?;
        }
        Ok(())
    });
}
