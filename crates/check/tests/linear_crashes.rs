//! Registers most of whose clients never learn what became of their operations: each has a verdict.

use glomers_check::linear::Linearizability;
use glomers_check::linear::models::Register;
use glomers_check::{Mode, Validity, Value, check};

#[path = "support/registers.rs"]
mod registers;

use registers::Plan;

fn verdict(plan: Plan) -> Validity {
    check(&plan.history(), Linearizability::new(Register::new(Value::from(0), Mode::Strict))).validity
}

#[test]
fn hundreds_of_crashed_operations_on_one_key_are_decided() {
    for values in [3, 5, 10] {
        for (operations, crashes_per_mille) in [(300, 333), (1_000, 100), (1_000, 300)] {
            let plan = Plan { operations, values, crashes_per_mille, ..Plan::default() };
            assert_eq!(verdict(plan), Validity::Valid, "{plan:?}");
        }
    }
}

#[test]
fn stale_reads_among_hundreds_of_crashed_operations_are_found() {
    for values in [5, 10] {
        for (operations, crashes_per_mille) in [(300, 333), (1_000, 100)] {
            let plan = Plan { operations, values, crashes_per_mille, stale_per_mille: 30, ..Plan::default() };
            assert_ne!(verdict(plan), Validity::Unknown, "{plan:?}");
        }
    }
}
