//! Verdicts on small random histories agree with the definition of linearizability, tried out by brute force.

use glomers_check::linear::models::{Keyed, Log, MultiRegister, Mutex, Queue, Register, Set};
use glomers_check::linear::{Budget, Call, Linearizability, Model, RegisterAction, Unsuitable};
use glomers_check::{History, Mode, Name, Operation, OperationKind, Validity, Value, check};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

#[path = "support/cases.rs"]
mod cases;

use cases::{require, try_cases};

/// One operation of a random history, on a line of time.
#[derive(Clone, Debug)]
struct Drawn {
    begin: u8,
    /// Time from the beginning to the moment of effect, and from there to the end.
    before: u8,
    after: u8,
    /// What to do: the model's generator makes an operation of it.
    choice: u8,
    value: u8,
    other: u8,
    /// Most succeed; some end unknown (with or without effect), some fail.
    fate: u8,
    /// Whether to report something else than what happened.
    lie: bool,
}

fn drawn(count: usize) -> impl Strategy<Value = Vec<Drawn>> {
    let one =
        (0..24_u8, 0..8_u8, 0..8_u8, any::<u8>(), 0..4_u8, 0..4_u8, 0..10_u8, prop::bool::weighted(0.06));
    let one = one.prop_map(|(begin, before, after, choice, value, other, fate, lie)| Drawn {
        begin,
        before,
        after,
        choice,
        value,
        other,
        fate,
        lie,
    });
    prop::collection::vec(one, 2..=count)
}

/// A simulated object: takes an operation's function and value, and says what comes back, or that it fails.
trait Object {
    fn call(&mut self, f: &str, value: &Value) -> Option<Value>;
}

/// Plays the drawn operations on an object, each at its moment of effect, and records what clients saw.
fn play(
    drawn: &[Drawn],
    mut object: impl Object,
    operation: impl Fn(&Drawn) -> (Name, Value, Option<Value>),
) -> History {
    let mut moments: Vec<(u32, usize)> =
        drawn.iter().enumerate().map(|(client, drawn)| (moment(drawn, client), client)).collect();
    moments.sort_unstable();
    let mut results: Vec<Option<Value>> = vec![None; drawn.len()];
    for (_, client) in moments {
        let (f, value, _) = operation(&drawn[client]);
        // An operation of fate 0 ends unknown and never happens.
        if drawn[client].fate > 0 {
            results[client] = object.call(&f, &value);
        }
    }
    let mut events = Vec::new();
    for (client, drawn) in drawn.iter().enumerate() {
        let (f, value, key) = operation(drawn);
        let mut begin = Operation::invoke(client as u64, f, value);
        begin.extra.extend(key.map(|key| (Name::from("key"), key)));
        let end = match (&results[client], drawn.fate) {
            (_, 0 | 1) => begin.completed(OperationKind::Info, begin.value.clone()),
            (None, _) => {
                begin.completed(OperationKind::Fail, begin.value.clone()).with_error(refusal(&begin))
            }
            // A lie about what was asked for would be an answer to something else.
            (Some(_), _) if drawn.lie && begin.value.is_nil() => {
                begin.completed(OperationKind::Ok, Value::from(drawn.other))
            }
            (Some(result), _) => begin.completed(OperationKind::Ok, result.clone()),
        };
        let moment = moment(drawn, client);
        events.push((u32::from(drawn.begin) * 1000 + client as u32, begin));
        // An operation of fate 1 happens at its moment, which may be long after its client gave up.
        let end_time = if drawn.fate == 1 {
            u32::from(drawn.begin) * 1000 + 500
        } else {
            moment + u32::from(drawn.after) * 1000
        };
        events.push((end_time + 100 + client as u32, end));
    }
    events.sort_by_key(|(time, _)| *time);
    events.into_iter().enumerate().map(|(index, (_, operation))| operation.at(index as u64, 0)).collect()
}

fn moment(drawn: &Drawn, client: usize) -> u32 {
    (u32::from(drawn.begin) + u32::from(drawn.before)) * 1000 + 50 + client as u32
}

fn refusal(begin: &Operation) -> Value {
    let kind = if begin.f == "cas" { "precondition-failed" } else { "abort" };
    Value::Vector(vec![Value::keyword(kind), Value::from("refused")])
}

/// The definition: some order of the operations, each between its beginning and its end, suits the model.
fn is_linearizable<M: Model>(model: &M, history: &History) -> bool {
    let mut calls: Vec<(u64, u64, M::Action)> = Vec::new();
    for begin in history.operations().iter().filter(|operation| operation.is_invoke()) {
        let end = history
            .operations()
            .iter()
            .find(|end| !end.is_invoke() && end.process == begin.process)
            .expect("an end");
        let (call, end_index) = match end.kind {
            OperationKind::Ok => (Call::Ok { begin, end }, end.index),
            OperationKind::Fail => (Call::Fail { begin, end }, end.index),
            _ => (Call::Unknown { begin }, u64::MAX),
        };
        if let Some(action) = model.action(&call).expect("an operation of the model") {
            calls.push((begin.index, end_index, action));
        }
    }
    search(model, &model.initial(), &mut calls)
}

fn search<M: Model>(model: &M, state: &M::State, calls: &mut Vec<(u64, u64, M::Action)>) -> bool {
    let earliest_end = calls.iter().map(|call| call.1).min().unwrap_or(u64::MAX);
    if earliest_end == u64::MAX {
        return true;
    }
    (0..calls.len()).any(|index| {
        if calls[index].0 > earliest_end {
            return false;
        }
        let Some(after) = model.step(state, &calls[index].2) else { return false };
        let call = calls.remove(index);
        let found = search(model, &after, calls);
        calls.insert(index, call);
        found
    })
}

fn agree<M: Model + 'static>(model: &M, history: &History) -> TestCaseResult {
    let expected = Validity::from(is_linearizable(model, history));
    let verdict = check(history, Linearizability::new(model.clone()));
    let lines = || history.operations().iter().map(|operation| format!("{operation}\n")).collect::<String>();
    require(verdict.validity == expected, || format!("it is {expected}: {}{}", lines(), verdict.results))
}

/// A register whose model tells the checker nothing that would make it faster, but, if so wished, what is pure and
/// what overwrites.
#[derive(Clone, Debug)]
struct PlainRegister {
    register: Register,
    hints: bool,
}

impl Model for PlainRegister {
    type State = Value;
    type Action = RegisterAction;

    fn initial(&self) -> Value {
        self.register.initial()
    }

    fn action(&self, call: &Call<'_>) -> Result<Option<RegisterAction>, Unsuitable> {
        self.register.action(call)
    }

    fn step(&self, state: &Value, action: &RegisterAction) -> Option<Value> {
        self.register.step(state, action)
    }

    fn describe_action(&self, action: &RegisterAction) -> String {
        action.to_string()
    }

    fn is_pure(&self, action: &RegisterAction) -> bool {
        self.hints && self.register.is_pure(action)
    }

    fn overwrites(&self, action: &RegisterAction) -> bool {
        self.hints && self.register.overwrites(action)
    }
}

/// The verdict does not depend on what the model tells to make the search faster.
fn hints_do_not_matter(history: &History) -> TestCaseResult {
    let register = Register::new(Value::from(0), Mode::Strict);
    let plain = |hints| PlainRegister { register: register.clone(), hints };
    let without = check(history, Linearizability::new(plain(false))).validity;
    let with = check(history, Linearizability::new(plain(true))).validity;
    let with_blocks = check(history, Linearizability::new(register.clone())).validity;
    require(with == without && with_blocks == without, || format!("{without}, {with} and {with_blocks}"))
}

struct SimulatedRegister(Value);

impl Object for SimulatedRegister {
    fn call(&mut self, f: &str, value: &Value) -> Option<Value> {
        match f {
            "read" => return Some(self.0.clone()),
            "write" => self.0 = value.clone(),
            _ => {
                let [from, to] = value.as_sequence()? else { return None };
                if *from != self.0 {
                    return None;
                }
                self.0 = to.clone();
            }
        }
        Some(value.clone())
    }
}

fn register_operation(drawn: &Drawn) -> (Name, Value, Option<Value>) {
    let (value, other) = (Value::from(drawn.value), Value::from(drawn.other));
    match drawn.choice % 3 {
        0 => (Name::from("read"), Value::Nil, None),
        1 => (Name::from("write"), value, None),
        _ => (Name::from("cas"), Value::Vector(vec![value, other]), None),
    }
}

struct SimulatedQueue(Vec<Value>);

impl Object for SimulatedQueue {
    fn call(&mut self, f: &str, value: &Value) -> Option<Value> {
        match f {
            "enqueue" => self.0.push(value.clone()),
            _ if self.0.is_empty() => return Some(Value::Nil),
            _ => return Some(self.0.remove(0)),
        }
        Some(value.clone())
    }
}

struct SimulatedMutex(bool);

impl Object for SimulatedMutex {
    fn call(&mut self, f: &str, value: &Value) -> Option<Value> {
        let wanted = f == "acquire";
        (std::mem::replace(&mut self.0, wanted) != wanted).then(|| value.clone())
    }
}

struct SimulatedSet(Vec<Value>);

impl Object for SimulatedSet {
    fn call(&mut self, f: &str, value: &Value) -> Option<Value> {
        match f {
            "read" => return Some(Value::Vector(self.0.clone())),
            _ if !self.0.contains(value) => self.0.push(value.clone()),
            _ => {}
        }
        Some(value.clone())
    }
}

/// Now and then, as all objects here, it is made to lie by the drawing.
struct SimulatedLog(Vec<Value>);

impl Object for SimulatedLog {
    fn call(&mut self, f: &str, value: &Value) -> Option<Value> {
        if f == "read" {
            return Some(Value::Vector(self.0.clone()));
        }
        self.0.push(value.clone());
        Some(value.clone())
    }
}

/// The register of each key holds a text.
#[derive(Default)]
struct SimulatedLogs;

impl Object for SimulatedLogs {
    fn call(&mut self, _: &str, value: &Value) -> Option<Value> {
        Some(value.clone())
    }
}

struct SimulatedRegisters(Vec<Value>);

impl Object for SimulatedRegisters {
    fn call(&mut self, _: &str, value: &Value) -> Option<Value> {
        let micros = value.as_sequence()?.iter().map(|micro| {
            let [f, key, value] = micro.as_sequence()? else { return None };
            let register = &mut self.0[usize::try_from(key.as_int()?).ok()?];
            if f.as_keyword() == Some("w") {
                *register = value.clone();
            }
            Some(Value::Vector(vec![f.clone(), key.clone(), register.clone()]))
        });
        micros.collect::<Option<Vec<Value>>>().map(Value::Vector)
    }
}

#[test]
fn registers_of_few_values() {
    try_cases(1_000, drawn(10), |drawn| {
        let history = play(&drawn, SimulatedRegister(Value::from(0)), register_operation);
        agree(&Register::new(Value::from(0), Mode::Strict), &history)?;
        agree(&Register::new(Value::from(0), Mode::Compat), &history)
    });
}

#[test]
fn hints_do_not_change_the_verdict() {
    try_cases(1_000, drawn(16), |drawn| {
        hints_do_not_matter(&play(&drawn, SimulatedRegister(Value::from(0)), register_operation))
    });
}

#[test]
fn blocks_and_search_agree() {
    try_cases(1_000, drawn(16), |mut drawn| {
        write_each_value_once(&mut drawn);
        hints_do_not_matter(&play(&drawn, SimulatedRegister(Value::from(0)), register_operation))
    });
}

#[test]
fn registers_to_which_no_value_is_written_twice() {
    try_cases(1_000, drawn(10), |mut drawn| {
        write_each_value_once(&mut drawn);
        let history = play(&drawn, SimulatedRegister(Value::from(0)), register_operation);
        agree(&Register::new(Value::from(0), Mode::Strict), &history)?;
        agree(&Register::new(Value::from(0), Mode::Compat), &history)
    });
}

#[test]
fn queues() {
    try_cases(1_000, drawn(10), |drawn| {
        let history = play(&drawn, SimulatedQueue(Vec::new()), |drawn| match drawn.choice % 2 {
            0 => (Name::from("enqueue"), Value::from(drawn.value), None),
            _ => (Name::from("dequeue"), Value::Nil, None),
        });
        agree(&Queue, &history)
    });
}

#[test]
fn mutexes() {
    try_cases(1_000, drawn(10), |drawn| {
        let history = play(&drawn, SimulatedMutex(false), |drawn| {
            (Name::from(["acquire", "release"][usize::from(drawn.choice % 2)]), Value::Nil, None)
        });
        agree(&Mutex, &history)
    });
}

#[test]
fn sets() {
    try_cases(1_000, drawn(10), |mut drawn| {
        drawn.iter_mut().for_each(|drawn| drawn.lie = false);
        let history = play(&drawn, SimulatedSet(Vec::new()), |drawn| match drawn.choice % 2 {
            0 => (Name::from("add"), Value::from(drawn.value), None),
            _ => (Name::from("read"), Value::Nil, None),
        });
        agree(&Set, &history)?;
        let forgetful = play(&drawn, SimulatedQueue(Vec::new()), |drawn| match drawn.choice % 2 {
            0 => (Name::from("enqueue"), Value::from(drawn.value), None),
            _ => (Name::from("dequeue"), Value::Nil, None),
        });
        let sets = forgetful.operations().iter().map(|operation| {
            let f = if operation.f == "enqueue" { "add" } else { "read" };
            let seen = operation.is_ok() && f == "read";
            let value =
                if seen { Value::Vector(vec![operation.value.clone()]) } else { operation.value.clone() };
            Operation { f: Name::from(f), value, ..operation.clone() }
        });
        agree(&Set, &sets.collect())
    });
}

#[test]
fn logs_by_key() {
    try_cases(1_000, drawn(10), |drawn| {
        // Reads see guesses: one or two of the items that were appended, in some order.
        let history = play(&drawn, SimulatedLogs, |drawn| {
            let key = Some(Value::from(drawn.fate % 2));
            let item = |value: u8| format!("{value};");
            match drawn.choice % 4 {
                0 => (Name::from("append"), Value::from(item(drawn.value)), key),
                1 => (Name::from("put"), Value::from(item(drawn.value)), key),
                2 => (Name::from("get"), Value::from(item(drawn.value)), key),
                _ => (Name::from("get"), Value::from(item(drawn.value) + &item(drawn.other)), key),
            }
        });
        agree(&Keyed::new(Log::new()), &history)
    });
}

#[test]
fn append_only_logs() {
    try_cases(1_000, drawn(10), |drawn| {
        let history = play(&drawn, SimulatedLog(Vec::new()), |drawn| match drawn.choice % 2 {
            0 => (Name::from("append"), Value::from(drawn.value), None),
            _ => (Name::from("read"), Value::Nil, None),
        });
        agree(&Log::append_only(), &history)?;
        agree(&Log::new(), &history)
    });
}

#[test]
fn several_registers() {
    try_cases(1_000, drawn(7), |mut drawn| {
        drawn.iter_mut().for_each(|drawn| drawn.lie = false);
        let history = play(&drawn, SimulatedRegisters(vec![Value::Nil; 2]), |drawn| {
            let micro = |kind: u8, key: u8, value: u8| {
                let f = ["r", "w"][usize::from(kind % 2)];
                let value = if f == "r" { Value::Nil } else { Value::from(value) };
                Value::Vector(vec![Value::keyword(f), Value::from(key % 2), value])
            };
            let mut micros = vec![micro(drawn.choice, drawn.value, drawn.other)];
            if drawn.choice % 8 < 4 {
                micros.push(micro(drawn.choice / 2, drawn.value / 2, drawn.value));
            }
            (Name::from("txn"), Value::Vector(micros), None)
        });
        agree(&MultiRegister::default(), &history)?;
        // Now and then a read saw a neighbour's value.
        let wrong = history.operations().iter().map(|operation| {
            let mut operation = operation.clone();
            if operation.index % 7 == 5 && operation.is_ok() {
                operation.value = swapped_reads(&operation.value);
            }
            operation
        });
        agree(&MultiRegister::default(), &wrong.collect())
    });
}

#[test]
fn a_small_budget_gives_unknown_or_the_same_verdict() {
    try_cases(1_000, drawn(10), |drawn| {
        let history = play(&drawn, SimulatedRegister(Value::from(0)), register_operation);
        let model = Register::new(Value::from(0), Mode::Strict);
        let whole = check(&history, Linearizability::new(model.clone())).validity;
        let small =
            check(&history, Linearizability::new(model).with_budget(Budget { steps: 6, configurations: 3 }))
                .validity;
        require(small == Validity::Unknown || small == whole, || format!("{small}, and with more {whole}"))
    });
}

#[test]
fn registers_most_of_whose_clients_never_learn_what_happened() {
    try_cases(1_000, drawn(10), |mut drawn| {
        drawn.iter_mut().for_each(|drawn| drawn.fate %= 3);
        let history = play(&drawn, SimulatedRegister(Value::from(0)), register_operation);
        let model = Register::new(Value::from(0), Mode::Strict);
        let expected = Validity::from(is_linearizable(&model, &history));
        // So few configurations at first that what is invalid is left to the passes with accounts of some actions.
        let budget = Budget { steps: 1_000_000, configurations: 64 };
        let verdict = check(&history, Linearizability::new(model).with_budget(budget));
        let lines =
            || history.operations().iter().map(|operation| format!("{operation}\n")).collect::<String>();
        require(verdict.validity == expected, || format!("it is {expected}: {}{}", lines(), verdict.results))
    });
}

/// New values are numbered by the drawing; expectations are of any of them.
fn write_each_value_once(drawn: &mut [Drawn]) {
    for (index, drawn) in drawn.iter_mut().enumerate() {
        drawn.other = 1 + index as u8;
        drawn.value = if drawn.choice % 3 == 1 { drawn.other } else { drawn.value * 2 };
    }
}

fn swapped_reads(value: &Value) -> Value {
    let micros = value.as_sequence().unwrap_or_default().iter().map(|micro| match micro.as_sequence() {
        Some([f, key, seen]) if f.as_keyword() == Some("r") => {
            let other = if seen.is_nil() { Value::from(1) } else { Value::Nil };
            Value::Vector(vec![f.clone(), key.clone(), other])
        }
        _ => micro.clone(),
    });
    Value::Vector(micros.collect())
}
