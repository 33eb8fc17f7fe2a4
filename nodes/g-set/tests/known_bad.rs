//! Servers that do what the real one must not, each caught with a sentence that names the operations.

use std::time::Duration;

use crdt::Replica;
use g_set::{Add, AddOk, Elements, Read, ReadOk};
use glomers_node::{Node, RawValue, Router, RpcError};
use glomers_workbench::{Outcome, Simulation, Validity};

/// The real server with one bad habit.
struct Careless {
    replica: Replica<Elements>,
    habit: Habit,
}

#[derive(Clone, Copy)]
enum Habit {
    /// Acknowledges what stands in no journal.
    KeepsAllInMemory,
    /// Shows an element as often as it was added, to whichever node.
    CountsTwins,
    /// Acknowledges an element and forgets it, now and then.
    DropsSome,
}

impl Careless {
    fn router(node: Node, habit: Habit) -> Router<Self> {
        let replica = Replica::start(node);
        replica.serve(Router::new(Self { replica: replica.clone(), habit }).on(Self::add).on(Self::read))
    }

    async fn add(&self, request: Add) -> Result<AddOk, RpcError> {
        let times = match self.habit {
            Habit::KeepsAllInMemory => 1,
            Habit::CountsTwins => 2,
            Habit::DropsSome => u64::from(!request.element.get().ends_with('7')),
        };
        for _ in 0..times {
            self.replica.change(request.element.clone());
        }
        Ok(AddOk {})
    }

    async fn read(&self, _request: Read) -> Result<ReadOk, RpcError> {
        let parts = self.replica.parts();
        Ok(ReadOk { value: parts.iter().flat_map(|(_, part)| part.iter()).map(RawValue::to_owned).collect() })
    }
}

fn simulation() -> Simulation {
    Simulation::new("g-set").rate_hz(20.0).time_limit(Duration::from_secs(20))
}

fn run(simulation: &Simulation, habit: Habit) -> Outcome {
    let outcome = simulation.run(move |node| Careless::router(node, habit));
    assert_eq!(outcome.validity, Validity::Invalid, "{}", outcome.sentence);
    outcome
}

#[test]
fn forgetting_an_acknowledged_element_is_caught() {
    let outcome = run(&simulation(), Habit::DropsSome);
    assert_says(&outcome, &["Element", "is lost", "operation", "did not find it", "No read ever found it"]);
}

#[test]
fn showing_an_element_twice_is_caught() {
    let outcome = run(&simulation(), Habit::CountsTwins);
    assert_says(&outcome, &["Element", "stands 2 times in what operation", "read"]);
}

#[test]
fn losing_with_all_nodes_what_only_they_knew_is_caught() {
    let killed = simulation().nemesis(&["kill"], Duration::from_secs(2)).setting("nemesis-kill-nodes", "all");
    let outcome = run(&killed, Habit::KeepsAllInMemory);
    assert_says(&outcome, &["Element", "is lost", "operation", "did not find it"]);
}

/// The sentence has these words, in this order.
#[track_caller]
fn assert_says(outcome: &Outcome, words: &[&str]) {
    let mut rest = outcome.sentence.as_str();
    for word in words {
        let place =
            rest.find(word).unwrap_or_else(|| panic!("no {word:?} in its place in: {}", outcome.sentence));
        rest = &rest[place + word.len()..];
    }
}

#[test]
fn a_failure_is_shrunk_to_what_it_needs() {
    let shrunk = |simulation: &Simulation, habit| {
        let start = move |node| Careless::router(node, habit);
        let shrunk = simulation.shrink(start).expect("the run is invalid");
        // The replay fails by itself, in the same way.
        let outcome = Simulation::replay(&shrunk.replay.to_string()).run(start);
        assert_says(&outcome, &["Element", "is lost"]);
        shrunk
    };
    let dropped = shrunk(&simulation(), Habit::DropsSome);
    assert_eq!((dropped.after.nodes, dropped.after.operations, dropped.after.faults), (1, 1, 0));
    let faults = ["kill", "partition", "loss"];
    let killed = simulation().nemesis(&faults, Duration::from_secs(2)).setting("nemesis-kill-nodes", "all");
    let killed = shrunk(&killed, Habit::KeepsAllInMemory);
    assert_eq!((killed.after.nodes, killed.after.operations, killed.after.faults), (1, 1, 1));
}

#[test]
#[should_panic(
    expected = "cargo test -p g-set a_sweep_names_the_seed_and_the_command_that_repeats_it -- --exact"
)]
fn a_sweep_names_the_seed_and_the_command_that_repeats_it() {
    let start = |node| Careless::router(node, Habit::DropsSome);
    simulation().swarm(0..5, start).assert_none_invalid();
}
