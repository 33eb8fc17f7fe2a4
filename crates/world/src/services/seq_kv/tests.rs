//! That the past is shown, that it is never shown backwards, and that there is one order behind it all.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::key_value::Action;
use super::super::key_value::testing::{Answer, Harness, cas, cas_or_create, json, read, write};
use super::super::{lin_kv, lww_kv};
use super::*;

const CLIENTS: [&str; 3] = ["n0", "n1", "n2"];

/// What a client did, and what it was told.
type Step = (usize, Operation, Answer);

/// Whether some order of all operations explains all answers: one that keeps the order of each client's own, or, where
/// `keeps_time`, the order in which they were all made, one after the other.
fn is_explained(steps: &[Step], keeps_time: bool) -> bool {
    let tracks: Vec<Vec<&Step>> = if keeps_time {
        vec![steps.iter().collect()]
    } else {
        (0..CLIENTS.len()).map(|client| steps.iter().filter(|step| step.0 == client).collect()).collect()
    };
    explore(&tracks, &mut vec![0; tracks.len()], &BTreeMap::new(), &mut BTreeSet::new())
}

type State = BTreeMap<Key, String>;

fn explore(
    tracks: &[Vec<&Step>],
    places: &mut Vec<usize>,
    state: &State,
    seen: &mut BTreeSet<(Vec<usize>, State)>,
) -> bool {
    if tracks.iter().zip(&*places).all(|(track, place)| *place == track.len()) {
        return true;
    }
    if !seen.insert((places.clone(), state.clone())) {
        return false;
    }
    for index in 0..tracks.len() {
        let Some((_, operation, answer)) = tracks[index].get(places[index]) else { continue };
        let current = state.get(&operation.key).map(|text| json(text));
        let mut next = state.clone();
        let expected = match operation.act_on(current.as_ref()) {
            Ok(afterwards) => {
                next.insert(operation.key.clone(), afterwards.canonical().to_owned());
                Ok(afterwards.canonical().parse().expect("the tests write integers"))
            }
            Err(error) => Err(error.code.0),
        };
        if expected == *answer {
            places[index] += 1;
            if explore(tracks, places, &next, seen) {
                return true;
            }
            places[index] -= 1;
        }
    }
    false
}

fn history(store: impl Store, seed: u64, operations: &[(usize, Operation)]) -> Vec<Step> {
    let mut store = Harness::new(store, seed);
    operations
        .iter()
        .map(|(client, operation)| (*client, operation.clone(), store.apply(CLIENTS[*client], operation)))
        .collect()
}

fn any_operation() -> impl Strategy<Value = (usize, Operation)> {
    let key = prop_oneof![Just("x"), Just("y")];
    (0..CLIENTS.len(), key, 0..4, 0..3_u64, 0..3_u64).prop_map(|(client, key, action, from, to)| {
        let operation = match action {
            0 => read(key),
            1 => write(key, to),
            2 => cas(key, from, to),
            _ => cas_or_create(key, from, to),
        };
        (client, operation)
    })
}

/// The store as its promise is told: all states whole, in a list.
#[derive(Default)]
struct WholeStates {
    states: Vec<FxHashMap<Key, Json>>,
    shown: BTreeMap<NodeId, usize>,
}

impl Store for WholeStates {
    fn apply(
        &mut self,
        client: &NodeId,
        operation: &Operation,
        random: &mut Random,
    ) -> Result<Json, RpcError> {
        if self.states.is_empty() {
            self.states.push(FxHashMap::default());
        }
        let newest = self.states.len() - 1;
        let oldest = newest.saturating_sub(STATE_COUNT - 1);
        let earliest = self.shown.get(client).copied().unwrap_or_default().max(oldest);
        let drawn = earliest + random.below((newest - earliest + 1) as u64) as usize;
        let after = |state: usize| {
            let mut after = self.states[state].clone();
            let result = operation.act_on(after.get(&operation.key));
            if let Ok(value) = &result {
                after.insert(operation.key.clone(), value.clone());
            }
            (after, result)
        };
        let (state, result) = after(drawn);
        if state == self.states[drawn] {
            self.shown.insert(client.clone(), drawn);
            return result;
        }
        let (state, result) = after(newest);
        if state != self.states[newest] {
            self.states.push(state);
        }
        self.shown.insert(client.clone(), self.states.len() - 1);
        result
    }
}

proptest! {
    #[test]
    fn some_order_explains_what_every_client_saw(
        operations in prop::collection::vec(any_operation(), 1..16),
        seed in any::<u64>(),
    ) {
        prop_assert!(is_explained(&history(SeqKv::default(), seed, &operations), false));
    }

    #[test]
    fn a_step_back_costs_one_entry_and_changes_no_answer(
        operations in prop::collection::vec(any_operation(), 100..400),
        seed in any::<u64>(),
    ) {
        let lean = history(SeqKv::default(), seed, &operations);
        let whole = history(WholeStates::default(), seed, &operations);
        let answers = |steps: Vec<Step>| steps.into_iter().map(|step| step.2).collect::<Vec<_>>();
        prop_assert_eq!(answers(lean), answers(whole));
    }

    #[test]
    fn the_order_in_time_explains_what_a_linearizable_store_answers(
        operations in prop::collection::vec(any_operation(), 1..40),
        seed in any::<u64>(),
    ) {
        prop_assert!(is_explained(&history(lin_kv::LinKv::default(), seed, &operations), true));
    }
}

#[test]
fn the_weaker_stores_break_the_stronger_promises() {
    let operations: Vec<(usize, Operation)> =
        (1..=5).flat_map(|value| [(0, write("x", value)), (1, read("x")), (1, read("x"))]).collect();
    let broken = |run: &dyn Fn(u64) -> Vec<Step>, keeps_time| {
        (0..50).filter(|seed| !is_explained(&run(*seed), keeps_time)).count()
    };
    let seq_kv = |seed| history(SeqKv::default(), seed, &operations);
    let lww_kv = |seed| history(lww_kv::LwwKv::default(), seed, &operations);
    assert!(broken(&seq_kv, true) > 10, "seq-kv was linearizable");
    assert_eq!(broken(&seq_kv, false), 0);
    assert!(broken(&lww_kv, false) > 10, "lww-kv was sequentially consistent");
}

#[test]
fn a_write_of_what_was_there_may_happen_in_the_past() {
    let happens_in_the_past = |seed| {
        let mut store = Harness::new(SeqKv::default(), seed);
        store.apply("n0", &write("x", 1)).expect("a write always succeeds");
        // A change brings its client to the newest state.
        store.apply("n1", &write("y", 1)).expect("a write always succeeds");
        store.apply("n1", &cas("x", 1, 2)).expect("the client has seen the write");
        store.apply("n0", &write("x", 1)).expect("a write always succeeds");
        store.apply("n1", &read("x")) == Ok(2)
    };
    let count = (0..100).filter(|seed| happens_in_the_past(*seed)).count();
    assert!((50..85).contains(&count), "{count} of 100");
}

#[test]
fn a_client_sees_time_run_forwards_and_at_most_31_changes_behind() {
    let mut store = Harness::new(SeqKv::default(), 5);
    let mut last_seen = 0;
    let mut greatest_lag = 0;
    for value in 1..=5_000 {
        store.apply("n0", &write("x", value)).expect("a write always succeeds");
        // Now and then a client comes that has been away for long.
        if value % 7 == 0 || value > 4_900 {
            let seen = store.apply("n1", &read("x")).unwrap_or(0);
            assert!(seen >= last_seen, "{seen} after {last_seen}");
            last_seen = seen;
            greatest_lag = greatest_lag.max(value - seen);
        }
        let stranger = store.apply(&format!("c{value}"), &read("x")).unwrap_or(0);
        greatest_lag = greatest_lag.max(value - stranger);
    }
    assert_eq!(greatest_lag, STATE_COUNT as u64 - 1);
    assert!(store.store.shown.len() < 2 * STATE_COUNT + CLIENTS.len(), "{}", store.store.shown.len());
}

#[test]
fn a_client_reads_its_own_writes() {
    let mut store = Harness::new(SeqKv::default(), 1);
    for value in 0..200 {
        store.apply("n0", &write("x", value)).expect("a write always succeeds");
        assert_eq!(store.apply("n0", &read("x")), Ok(value));
        assert_eq!(store.apply("n0", &read("y")), Err(20));
    }
}

#[test]
fn a_compare_and_set_may_fail_for_what_has_gone() {
    let answer = |seed| {
        let mut store = Harness::new(SeqKv::default(), seed);
        store.apply("n0", &write("x", 1)).expect("a write always succeeds");
        store.apply("n1", &cas("x", 1, 2))
    };
    let answers: BTreeSet<Answer> = (0..50).map(answer).collect();
    assert_eq!(answers, BTreeSet::from([Ok(2), Err(20)]));
}

#[test]
fn the_past_and_its_clients_take_bounded_memory() {
    let mut store = Harness::new(SeqKv::default(), 2);
    store.apply("n0", &write("x", 1)).expect("there is room");
    for client in 0..3 * CLIENT_LIMIT {
        store.apply(&format!("n{client}"), &read("x")).ok();
    }
    assert!(store.store.shown.len() <= CLIENT_LIMIT);
    // A client that has seen the write never sees the time before it again.
    assert_eq!(store.apply("n0", &read("x")), Ok(1));

    let large = || json(&format!("\"{}\"", "x".repeat(4 << 20)));
    for _ in 0..20 {
        let operation = Operation { key: read("y").key, action: Action::Write(large()) };
        store.store.apply(&"n0".into(), &operation, &mut Random::derive(1, "store")).expect("there is room");
        let small = Operation { key: read("y").key, action: Action::Write(json("1")) };
        store.store.apply(&"n0".into(), &small, &mut Random::derive(1, "store")).expect("there is room");
    }
    assert!(store.store.change_bytes <= PAST_LIMIT_BYTES, "{}", store.store.change_bytes);
    assert!(store.store.changes.len() < STATE_COUNT - 1);
}

fn check_that_it_fills_up(mut store: impl Store) {
    let mut random = Random::derive(1, "store");
    let mut write = |key: &str, bytes: usize| {
        let value = json(&format!("\"{}\"", "x".repeat(bytes)));
        let operation = Operation { key: read(key).key, action: Action::Write(value) };
        store.apply(&"n0".into(), &operation, &mut random)
    };
    let taken = (0..100).take_while(|key| write(&key.to_string(), 4 << 20).is_ok()).count();
    assert!((4..20).contains(&taken), "took {taken} values of 4 MiB");
    let error = write("100", 4 << 20).expect_err("the store is full");
    assert_eq!(error.code.0, 11, "a definite error: nothing was written");
    let text = "the store is full: Glomers keeps at most 64 MiB in it, and this would add 8193 KiB under key \"100\"";
    assert_eq!(error.text, text);
    // Both replicas of a store that has two must hear of it.
    for key in (0..taken).flat_map(|key| std::iter::repeat_n(key, 10)) {
        write(&key.to_string(), 10).expect("a smaller value in place of a large one is welcome");
    }
    write("101", 1 << 20).expect("there is room again");
}

#[test]
fn every_store_is_bounded() {
    check_that_it_fills_up(lin_kv::LinKv::default());
    check_that_it_fills_up(SeqKv::default());
    check_that_it_fills_up(lww_kv::LwwKv::default());
}
