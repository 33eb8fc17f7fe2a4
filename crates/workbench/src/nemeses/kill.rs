//! Kill: nodes are killed and restarted, and lose what they kept in memory.

use glomers_check::Value;

use super::{Definition, Fault, FaultContext, Step, each_node, targets::Target};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "kill",
    doc: "kills some nodes and restarts them; what they kept in memory is lost",
    explanation: "\
Each time, some nodes are drawn at random and killed. Later all dead nodes are restarted and sent init.
Their memory is lost; files that they wrote remain. Messages that they had sent are still delivered, and
messages on their way to a killed node reach the restarted one.

It finds data that was acknowledged but kept only in memory, and ids and counters that start again from
the beginning.",
    settings: &[&NODES],
    build: |settings| Box::new(Kill { kinds: Target::of(settings, &NODES) }),
};

const NODES: Setting = Setting {
    name: "nemesis-kill-nodes",
    doc: "How many nodes are killed: one of these is drawn each time; `some` is any number",
    default: "some,one,minority-third,minority,majority,all",
    kind: SettingKind::Words(Target::WORDS),
};

struct Kill {
    kinds: Vec<Target>,
}

impl Fault for Kill {
    fn start(&mut self, context: &mut FaultContext<'_>) -> Step {
        let (kind, places) = Target::draw(&self.kinds, context.nodes().len(), context.random);
        let done = each_node(context, places, |context, place| {
            if !context.cluster.is_running(context.world, place) {
                return "not-running";
            }
            context.cluster.kill(context.world, place);
            "killed"
        });
        Step { f: "kill".into(), asked: kind.to_value(), done }
    }

    fn stop(&mut self, context: &mut FaultContext<'_>) -> Step {
        let done = each_node(context, 0..context.nodes().len(), |context, place| {
            if context.cluster.is_running(context.world, place) {
                return "already-running";
            }
            context.cluster.restart(context.world, place);
            "started"
        });
        Step { f: "start".into(), asked: Value::keyword("all"), done }
    }
}
