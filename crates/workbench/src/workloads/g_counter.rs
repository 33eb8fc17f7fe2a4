//! g-counter: a counter that only grows.

use glomers_check::{Value, registry::Keys};

use super::{
    Definition, Workload,
    counters::{self, DELTA_COUNT, LOWEST_DELTA},
};
use crate::{generator::repeat, plan::Plan};

pub(crate) const DEFINITION: Definition = Definition {
    name: "g-counter",
    doc: "A counter that only grows: in the end every node must return the sum of all additions.",
    rpcs: &[&counters::ADD, &counters::READ],
    build,
    settings: &[],
    checker: "pn-counter",
    keys: Keys::None,
};

fn build(_: &Plan) -> Workload {
    // As in Maelstrom: the draws of pn-counter without the negative ones, so there are fewer adds than reads.
    counters::workload(repeat(|random| {
        loop {
            if random.chance(0.5) {
                return ("read".into(), Value::Nil);
            }
            let drawn = random.below(DELTA_COUNT);
            if drawn >= LOWEST_DELTA.unsigned_abs() {
                return ("add".into(), counters::delta(drawn));
            }
        }
    }))
}
