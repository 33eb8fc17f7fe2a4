//! Texts that several clients append to and read, as key-value stores that only grow are tested.

use glomers_check::linear::models::{Keyed, Log};
use glomers_check::linear::{Budget, Linearizability};
use glomers_check::{Validity, check};

#[expect(dead_code, reason = "the benches use the other generators")]
#[path = "../benches/support/mod.rs"]
mod histories;

#[test]
fn fifty_clients_that_append_to_ten_texts_are_decided_too() {
    let budget = Budget { steps: 2_000_000, ..Budget::default() };
    let checker = Linearizability::new(Keyed::new(Log::append_only())).with_budget(budget);
    assert_eq!(check(&histories::logs(50, 20), checker).validity, Validity::Valid);
}

#[test]
fn ten_clients_that_append_are_decided_in_few_steps() {
    // So few that a search which tries all orders of what is open would give up.
    let budget = Budget { steps: 200_000, ..Budget::default() };
    let checker = Linearizability::new(Keyed::new(Log::append_only())).with_budget(budget);
    assert_eq!(check(&histories::logs(10, 50), checker).validity, Validity::Valid);
}
