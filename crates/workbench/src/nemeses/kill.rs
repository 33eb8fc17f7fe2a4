//! Kill: nodes die with all that they knew, and are started again.

use glomers_check::Value;

use super::{Definition, Fault, FaultContext, Step, each_node, targets::Target};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "kill",
    doc: "kills some nodes and starts them again, without what they knew",
    explanation: "\
Each time some nodes are drawn and killed; after a while all nodes that are dead are started again,
with nothing in memory, and are sent init. What they had written to files of their own is still there;
what they had sent is still on its way, and what is on its way to them reaches the node that was
started in their place.

It brings out whatever was acknowledged and kept in memory alone, and names and numbers that are used
a second time.",
    settings: &[&NODES],
    build: |settings| Box::new(Kill { kinds: Target::of(settings, &NODES) }),
};

const NODES: Setting = Setting {
    name: "nemesis-kill-nodes",
    doc: "How many nodes kill strikes: one of these is drawn each time, and some is any number",
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
