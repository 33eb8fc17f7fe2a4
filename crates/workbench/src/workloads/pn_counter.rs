//! pn-counter: a counter that goes up and down.

use glomers_check::{Value, registry::Keys};

use super::{
    Definition, Workload,
    counters::{self, DELTA_COUNT},
};
use crate::{generator::repeat, plan::Plan};

pub(crate) const DEFINITION: Definition = Definition {
    name: "pn-counter",
    doc: "A counter that goes up and down: in the end every node must return the sum of all additions.",
    rpcs: &[&counters::ADD, &counters::READ],
    build,
    settings: &[],
    checker: "pn-counter",
    keys: Keys::None,
};

fn build(_: &Plan) -> Workload {
    counters::workload(repeat(|random| {
        if random.chance(0.5) {
            ("add".into(), counters::delta(random.below(DELTA_COUNT)))
        } else {
            ("read".into(), Value::Nil)
        }
    }))
}
