//! Pause: nodes stop in their tracks, and go on as if no time had passed.

use glomers_check::Value;

use super::{Definition, Fault, Site, Step, each_node, targets::Target};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "pause",
    doc: "stops some nodes in their tracks for a while, as a long pause for garbage collection does",
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
    fn start(&mut self, site: &mut Site<'_>) -> Step {
        let (kind, places) = Target::draw(&self.kinds, site.nodes().len(), site.random);
        let done = each_node(site, places, |site, place| {
            if !site.cluster.is_running(site.world, place) {
                "not-running"
            } else if !site.cluster.is_ready(site.world, place) {
                // A node that cannot answer init in time would be blamed for it.
                "starting"
            } else {
                site.cluster.pause(site.world, place);
                "paused"
            }
        });
        Step { f: "pause".into(), asked: kind.to_value(), done }
    }

    fn stop(&mut self, site: &mut Site<'_>) -> Step {
        let done = each_node(site, 0..site.nodes().len(), |site, place| {
            if !site.cluster.is_paused(site.world, place) {
                return "not-paused";
            }
            site.cluster.resume(site.world, place);
            "resumed"
        });
        Step { f: "resume".into(), asked: Value::keyword("all"), done }
    }
}
