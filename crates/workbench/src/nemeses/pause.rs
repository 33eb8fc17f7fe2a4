//! Pause: nodes stop for a while, and go on as if no time had passed.

use glomers_check::Value;

use super::{Definition, Fault, FaultContext, Step, each_node, targets::Target};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "pause",
    doc: "pauses some nodes for a while, as a long garbage collection does",
    explanation: "\
Each time some nodes are drawn and stopped (SIGSTOP); after a while all of them go on (SIGCONT), with
everything they knew, and find all at once the messages that came meanwhile. A node that is just being
started is left in peace.

It brings out nodes that go on as leader after others have elected another, locks and leases that
nobody looks at again before acting on them, and time limits that all end at once.",
    settings: &[&NODES],
    build: |settings| Box::new(Pause { kinds: Target::of(settings, &NODES) }),
};

const NODES: Setting = Setting {
    name: "nemesis-pause-nodes",
    doc: "How many nodes pause strikes: one of these is drawn each time, and some is any number",
    default: "some,one,minority-third,minority,majority,all",
    kind: SettingKind::Words(Target::WORDS),
};

struct Pause {
    kinds: Vec<Target>,
}

impl Fault for Pause {
    fn start(&mut self, context: &mut FaultContext<'_>) -> Step {
        let (kind, places) = Target::draw(&self.kinds, context.nodes().len(), context.random);
        let done = each_node(context, places, |context, place| {
            if !context.cluster.is_running(context.world, place) {
                "not-running"
            } else if !context.cluster.is_ready(context.world, place) {
                // A node that cannot answer init in time would be blamed for it.
                "starting"
            } else {
                context.cluster.pause(context.world, place);
                "paused"
            }
        });
        Step { f: "pause".into(), asked: kind.to_value(), done }
    }

    fn stop(&mut self, context: &mut FaultContext<'_>) -> Step {
        let done = each_node(context, 0..context.nodes().len(), |context, place| {
            if !context.cluster.is_paused(context.world, place) {
                return "not-paused";
            }
            context.cluster.resume(context.world, place);
            "resumed"
        });
        Step { f: "resume".into(), asked: Value::keyword("all"), done }
    }
}
