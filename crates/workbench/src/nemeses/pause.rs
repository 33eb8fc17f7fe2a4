//! Pause: nodes stop for a while and then continue.

use glomers_check::Value;

use super::{Definition, Fault, FaultContext, Step, each_node, targets::Target};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "pause",
    doc: "pauses some nodes for a while, like a long garbage collection",
    explanation: "\
Each time, some nodes are drawn at random and stopped (SIGSTOP). Later all of them continue (SIGCONT) with
their memory intact, and receive at once all messages that came in the meantime. A node that has not
answered init yet is not paused.

It finds nodes that continue as leader after another has been elected, locks and leases that are used
without checking whether they have expired, and timeouts that all fire at once.",
    settings: &[&NODES],
    build: |settings| Box::new(Pause { kinds: Target::of(settings, &NODES) }),
};

const NODES: Setting = Setting {
    name: "nemesis-pause-nodes",
    doc: "How many nodes are paused: one of these is drawn each time; `some` is any number",
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
