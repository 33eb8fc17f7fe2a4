//! What several workloads ask for in equal shares.

use glomers_check::{Name, Value};
use glomers_node::Random;

/// Adds of 0, 1, 2, … and reads, as often the one as the other.
pub(super) fn adds_and_reads(add: &'static str) -> impl FnMut(&mut Random) -> (Name, Value) {
    let mut next = 0_u64;
    move |random| {
        if random.chance(0.5) {
            next += 1;
            (add.into(), Value::from(next - 1))
        } else {
            ("read".into(), Value::Nil)
        }
    }
}
