//! What the search leaves out changes no verdict: random automata with true hints, against their tables.
//!
//! Each automaton is a table of steps, over one or two components of a state. Its hints are worked out from the table, and
//! some are withheld. The definition of linearizability is tried out by brute force on the table. The rules' numbers are
//! those of `linear/frontier.rs`.

use std::fmt;

use glomers_check::linear::models::{Keyed, Log, MultiRegister, Mutex, Queue, Register, RegisterAction, Set};
use glomers_check::linear::{Call, Effect, Linearizability, Model, Unsuitable, assert_hints};
use glomers_check::{History, Mode, Operation, OperationKind, Validity, Value, check};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[expect(dead_code, reason = "automata are drawn otherwise")]
#[path = "support/cases.rs"]
mod cases;
#[path = "support/searches.rs"]
mod searches;

const CASES: u64 = 8_000;

/// A small finite object. Its state is one number for each component; an action has a row for one of them, or for each.
#[derive(Clone, Debug)]
struct Automaton {
    rows: Vec<Vec<Option<Row>>>,
    effects: Vec<Effect>,
    decomposes: bool,
    names_components: bool,
}

/// The state after an action, by the state before it.
type Row = Vec<Option<u8>>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State(Vec<u8>);

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.0)
    }
}

impl Model for Automaton {
    type State = State;
    type Action = usize;

    fn initial(&self) -> State {
        State(vec![0; self.rows[0].len()])
    }

    fn action(&self, call: &Call<'_>) -> Result<Option<usize>, Unsuitable> {
        Ok(call.begin().value.as_int().and_then(|number| usize::try_from(number).ok()))
    }

    fn step(&self, state: &State, action: &usize) -> Option<State> {
        let rows = state.0.iter().zip(&self.rows[*action]);
        let after = rows.map(|(&part, row)| row.as_ref().map_or(Some(part), |row| row[usize::from(part)]));
        after.collect::<Option<Vec<u8>>>().map(State)
    }

    fn describe_action(&self, action: &usize) -> String {
        action.to_string()
    }

    fn effect(&self, action: &usize) -> Effect {
        self.effects[*action]
    }

    fn component(&self, action: &usize) -> Option<u64> {
        let mut concerned = (0..).zip(&self.rows[*action]).filter(|(_, row)| row.is_some());
        let only = concerned.next().map(|(component, _)| component);
        only.filter(|_| self.names_components && concerned.next().is_none())
    }

    fn decomposes(&self) -> bool {
        self.decomposes
    }
}

struct Random(ChaCha8Rng);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.next_u64() % limit
    }

    fn automaton(&mut self) -> Automaton {
        let components = 1 + self.below(2) as usize;
        let names_components = components == 2 && self.below(3) > 0;
        let decomposes = names_components && self.below(2) == 0;
        let states = 2 + self.below(3) as u8;
        let actions = 3 + self.below(5) as usize;
        let rows: Vec<Vec<Option<Row>>> = (0..actions)
            .map(|_| {
                let concerns_all = !decomposes && components == 2 && self.below(6) == 0;
                let only = self.below(components as u64) as usize;
                let row = |random: &mut Self, component| {
                    (concerns_all || component == only).then(|| random.row(states))
                };
                (0..components).map(|component| row(self, component)).collect()
            })
            .collect();
        let effects = rows.iter().map(|rows| self.true_effect(rows, components, decomposes)).collect();
        Automaton { rows, effects, decomposes, names_components }
    }

    /// Rows as objects have them: reads, blind writes, compare-and-sets, and anything else.
    fn row(&mut self, states: u8) -> Row {
        let target = self.below(u64::from(states)) as u8;
        let rarely = |random: &mut Self| random.below(3) == 0;
        let kind = self.below(4);
        let step = |random: &mut Self, state| match kind {
            0 => rarely(random).then_some(state),
            1 => Some(target),
            2 => rarely(random).then_some(target),
            _ => (!rarely(random)).then(|| random.below(u64::from(states)) as u8),
        };
        (0..states).map(|state| step(self, state)).collect()
    }

    /// What is true of an action, or now and then less.
    fn true_effect(&mut self, rows: &[Option<Row>], components: usize, decomposes: bool) -> Effect {
        let mut concerned = rows.iter().flatten();
        let row = concerned.next().expect("each action concerns something");
        let is_whole = (components == 1 || decomposes) && concerned.next().is_none();
        let reads = |row: &Row| (0..).zip(row).all(|(state, after)| after.is_none_or(|after| after == state));
        let possible: Vec<u8> = row.iter().copied().flatten().collect();
        let is_constant = possible.windows(2).all(|pair| pair[0] == pair[1]);
        let is_total = row.iter().all(Option::is_some);
        match () {
            () if self.below(4) == 0 => Effect::Changes,
            () if rows.iter().flatten().all(reads) => Effect::Reads,
            () if is_whole && is_constant && is_total => Effect::Overwrites,
            () if is_whole && is_constant => Effect::Sets,
            () => Effect::Changes,
        }
    }

    /// Calls, each with its action, its beginning, and its end unless it crashed. Most do what was possible at a
    /// moment between the two.
    fn calls(&mut self, automaton: &Automaton) -> Vec<(usize, u64, Option<u64>)> {
        let count = 2 + self.below(8);
        let crashes = [0, 1, 5][self.below(3) as usize];
        let span = 1 + self.below(12);
        let mut moments: Vec<u64> = (0..count).map(|_| self.below(24) * 100).collect();
        moments.sort_unstable();
        let mut state = automaton.initial();
        let mut calls = Vec::new();
        for (number, moment) in (0..).zip(moments) {
            let mut action = self.below(automaton.rows.len() as u64) as usize;
            for _ in 0..8 {
                if automaton.step(&state, &action).is_some() {
                    break;
                }
                action = self.below(automaton.rows.len() as u64) as usize;
            }
            let has_effect = self.below(4) > 0;
            if has_effect && let Some(after) = automaton.step(&state, &action) {
                state = after;
            }
            let begin = (5_000 + moment - 100 * self.below(span)) * 10 + number;
            let end = (5_000 + moment + 1 + 100 * self.below(span)) * 10 + number;
            calls.push((action, begin, (self.below(10) >= crashes).then_some(end)));
        }
        calls
    }
}

fn history(calls: &[(usize, u64, Option<u64>)]) -> History {
    let mut entries: Vec<(u64, Operation)> = Vec::new();
    for (client, &(action, begin, end)) in calls.iter().enumerate() {
        let invoke = Operation::invoke(client as u64, "do", action as u64);
        let kind = if end.is_some() { OperationKind::Ok } else { OperationKind::Info };
        entries.push((end.unwrap_or(u64::MAX), invoke.completed(kind, action as u64)));
        entries.push((begin, invoke));
    }
    entries.sort_by_key(|(time, _)| *time);
    (0..).zip(entries).map(|(index, (_, entry))| entry.at(index, 0)).collect()
}

/// The definition, on the table.
fn fits(automaton: &Automaton, state: &[u8], calls: &mut Vec<(usize, u64, Option<u64>)>) -> bool {
    let Some(earliest_end) = calls.iter().filter_map(|call| call.2).min() else { return true };
    (0..calls.len()).any(|place| {
        let (action, begin, _) = calls[place];
        if begin > earliest_end {
            return false;
        }
        let mut after = state.to_vec();
        for (part, row) in after.iter_mut().zip(&automaton.rows[action]) {
            let Some(row) = row else { continue };
            let Some(next) = row[usize::from(*part)] else { return false };
            *part = next;
        }
        let call = calls.remove(place);
        let found = fits(automaton, &after, calls);
        calls.insert(place, call);
        found
    })
}

#[test]
fn random_automata_have_the_verdicts_of_their_tables() {
    let (mut valid, mut crashed) = (0, 0);
    let cases = cases::numbers(CASES);
    let count = cases.end - cases.start;
    for case in cases {
        let mut random = Random(ChaCha8Rng::seed_from_u64(case));
        let automaton = random.automaton();
        let mut calls = random.calls(&automaton);
        let expected = fits(&automaton, &automaton.initial().0, &mut calls);
        valid += u64::from(expected);
        crashed += u64::from(calls.iter().any(|call| call.2.is_none()));
        let history = history(&calls);
        let budget = searches::budget_for(&history);
        let verdict = check(&history, Linearizability::new(automaton.clone()).with_budget(budget));
        let gave_up = verdict.validity == Validity::Unknown && searches::may_give_up(budget);
        assert!(
            gave_up || verdict.validity == Validity::from(expected),
            "{expected}, but {}: GLOMERS_FIRST_CASE={case} GLOMERS_CASES=1: {calls:?} of {automaton:?}",
            verdict.results
        );
    }
    // So that the cases are worth something.
    assert!(
        count < 1_000 || (valid * 5 > count && valid * 20 < 19 * count && crashed * 6 > count),
        "{valid} {crashed}"
    );
}

#[test]
fn the_hints_of_random_automata_are_true() {
    for case in 0..300 {
        let automaton = Random(ChaCha8Rng::seed_from_u64(case)).automaton();
        assert_hints(&automaton, &[], &(0..automaton.rows.len()).collect::<Vec<_>>());
    }
}

#[test]
#[should_panic(expected = "is said to be Sets")]
fn a_hint_that_is_not_true_is_found() {
    let rows = vec![vec![Some(vec![Some(1), Some(2), None])]];
    let automaton =
        Automaton { rows, effects: vec![Effect::Sets], decomposes: false, names_components: false };
    assert_hints(&automaton, &[], &[0]);
}

#[test]
fn the_hints_of_the_models_are_true() {
    let value = |number: i64| Value::from(number);
    let register: Vec<RegisterAction> = (0..3)
        .flat_map(|number| {
            [
                RegisterAction::Read(value(number)),
                RegisterAction::Write(value(number)),
                RegisterAction::CompareAndSet(value(number), value((number + 1) % 3)),
                RegisterAction::Missed(value(number)),
            ]
        })
        .collect();
    let model = Register::new(value(0), Mode::Strict);
    assert_hints(&model, &[value(0), value(1), value(7)], &register);
    let keyed: Vec<(Value, RegisterAction)> =
        register.iter().flat_map(|action| [0, 1].map(|key| (value(key), action.clone()))).collect();
    assert_hints(&Keyed::new(model), &[], &keyed);

    let actions =
        |text: &str| -> Vec<Operation> { History::from_edn(text).expect("a history").operations().to_vec() };
    fn of<M: Model>(model: &M, operations: &[Operation]) -> Vec<M::Action> {
        let calls = operations.iter().map(|end| Call::Ok { begin: end, end });
        calls.filter_map(|call| model.action(&call).expect("the model's")).collect()
    }
    let log = actions(
        "{:type :ok, :process 0, :f :append, :value 1} {:type :ok, :process 0, :f :append, :value 2}
         {:type :ok, :process 0, :f :put, :value 3} {:type :ok, :process 0, :f :read, :value []}
         {:type :ok, :process 0, :f :read, :value [1 2]} {:type :ok, :process 0, :f :read, :value [3 1]}
         {:type :ok, :process 0, :f :read, :value [3]} {:type :ok, :process 0, :f :read, :value [1]}",
    );
    assert_hints(&Log, &[], &of(&Log, &log));
    let queue = actions(
        "{:type :ok, :process 0, :f :enqueue, :value 1} {:type :ok, :process 0, :f :enqueue, :value 2}
         {:type :ok, :process 0, :f :dequeue, :value 1} {:type :ok, :process 0, :f :dequeue, :value 2}
         {:type :ok, :process 0, :f :dequeue, :value nil}",
    );
    assert_hints(&Queue, &[], &of(&Queue, &queue));
    let set = actions(
        "{:type :ok, :process 0, :f :add, :value 1} {:type :ok, :process 0, :f :add, :value 2}
         {:type :ok, :process 0, :f :read, :value []} {:type :ok, :process 0, :f :read, :value [2 1]}
         {:type :ok, :process 0, :f :read, :value [2]} {:type :ok, :process 0, :f :read, :value [2 2]}",
    );
    assert_hints(&Set, &[], &of(&Set, &set));
    let mutex = actions("{:type :ok, :process 0, :f :acquire} {:type :ok, :process 0, :f :release}");
    assert_hints(&Mutex, &[], &of(&Mutex, &mutex));
    let transactions = actions(
        "{:type :ok, :process 0, :f :txn, :value [[:r 1 nil]]} {:type :ok, :process 0, :f :txn, :value [[:w 1 5]]}
         {:type :ok, :process 0, :f :txn, :value [[:r 2 6] [:w 2 7]]} {:type :ok, :process 0, :f :txn, :value [[:w 2 6]]}
         {:type :ok, :process 0, :f :txn, :value [[:w 2 6] [:r 1 5]]}",
    );
    assert_hints(&MultiRegister::default(), &[], &of(&MultiRegister::default(), &transactions));
}

/// The verdict that all searches agree on.
fn validity<M: Model + 'static>(model: &M, text: &str) -> Validity {
    let history = History::from_edn(text).expect("a history");
    let judged = |budget| check(&history, Linearizability::new(model.clone()).with_budget(budget)).validity;
    let [first, rest @ ..] = searches::budgets().map(judged);
    assert_eq!(rest, [first; 3], "{text}");
    first
}

fn register(text: &str) -> Validity {
    validity(&Register::new(Value::from(0), Mode::Strict), text)
}

#[test]
fn rule_2_an_unseen_overwrite_may_still_be_seen_later() {
    // The write of 1 may come before that of 2, or after the read of 2.
    let begin =
        "{:type :invoke, :process 0, :f :write, :value 1} {:type :invoke, :process 1, :f :write, :value 2}
        {:type :ok, :process 1, :f :write, :value 2} {:type :invoke, :process 2, :f :read}
        {:type :ok, :process 2, :f :read, :value 2} {:type :invoke, :process 2, :f :read} ";
    let end = |seen| {
        let end = "{:type :ok, :process 0, :f :write, :value 1}";
        register(&format!(
            "{begin} {{:type :ok, :process 2, :f :read, :value {seen}}} {end} {{:type :invoke, :process 3, :f :write, :value 2}}"
        ))
    };
    assert_eq!((end(1), end(2), end(0)), (Validity::Valid, Validity::Valid, Validity::Invalid));
}

#[test]
fn rules_3_and_4_equal_actions_are_used_once_each() {
    let writes = "{:type :invoke, :process 0, :f :cas, :value [0 1]} {:type :invoke, :process 1, :f :cas, :value [0 1]}
        {:type :info, :process 1, :f :cas, :value [0 1]} {:type :invoke, :process 2, :f :write, :value 0}
        {:type :invoke, :process 4, :f :read} {:type :ok, :process 4, :f :read, :value 1}
        {:type :ok, :process 2, :f :write, :value 0} {:type :ok, :process 0, :f :cas, :value [0 1]} ";
    let read = |seen| {
        format!("{{:type :invoke, :process 3, :f :read}} {{:type :ok, :process 3, :f :read, :value {seen}}} ")
    };
    assert_eq!(register(&format!("{writes}{}{}", read(0), read(1))), Validity::Valid);
    assert_eq!(register(&format!("{writes}{}{}{}", read(0), read(1), read(0))), Validity::Invalid);
}

#[test]
fn rule_6_spares_a_crashed_put_only_for_what_always_leads_there() {
    let log = |text: &str| validity(&Log, text);
    // An append of 1 leads from the empty log where the crashed put of 1 does, and is needed after it.
    let repeated =
        "{:type :invoke, :process 0, :f :put, :value 1} {:type :info, :process 0, :f :put, :value 1}
        {:type :invoke, :process 1, :f :append, :value 1} {:type :invoke, :process 2, :f :read}
        {:type :ok, :process 2, :f :read, :value [1]} {:type :ok, :process 1, :f :append, :value 1}
        {:type :invoke, :process 2, :f :read} {:type :ok, :process 2, :f :read, :value [1 1]}";
    assert_eq!(log(repeated), Validity::Valid);
    // Of the crashed write and the compare-and-set each may serve, and they are two.
    let both =
        "{:type :invoke, :process 0, :f :write, :value 1} {:type :info, :process 0, :f :write, :value 1}
        {:type :invoke, :process 1, :f :cas, :value [0 1]} {:type :invoke, :process 2, :f :read}
        {:type :ok, :process 2, :f :read, :value 1} {:type :invoke, :process 2, :f :write, :value 0}
        {:type :ok, :process 2, :f :write, :value 0} {:type :ok, :process 1, :f :cas, :value [0 1]}
        {:type :invoke, :process 2, :f :read} {:type :ok, :process 2, :f :read, :value 1}";
    assert_eq!(register(both), Validity::Valid);
    let thrice = format!("{both} {{:type :invoke, :process 2, :f :write, :value 0}} {{:type :ok, :process 2, :f :write, :value 0}}
        {{:type :invoke, :process 2, :f :read}} {{:type :ok, :process 2, :f :read, :value 1}}");
    assert_eq!(register(&thrice), Validity::Invalid);
}
