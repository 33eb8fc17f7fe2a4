//! Flaky: some links lose most messages, the others none.

use glomers_check::Value;
use glomers_node::Random;
use glomers_protocol::NodeId;

use super::{
    Definition, Drawn,
    fault::{BadLinks, Fault, all_links},
};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "flaky",
    doc: "makes some links lose most messages",
    explanation: "\
Each time, some links are drawn at random, each direction for itself. They lose most messages; the other
links lose none.

It finds nodes that keep trying a bad link where a detour through another node would work, and failure
detectors that change their mind with every message that arrives.",
    settings: &[&LINKS, &PROBABILITY],
    build: |settings| {
        let (share, probability) = (settings.fraction(&LINKS), settings.fraction(&PROBABILITY));
        Box::new(move |nodes, random| {
            let links = draw(share, nodes, random);
            let asked = Value::record([("links", share), ("probability", probability)]);
            Drawn { fault: Fault::Flaky { links, probability }, asked }
        })
    },
};

const LINKS: Setting = Setting {
    name: "nemesis-flaky-links",
    doc: "The share of the links that are flaky; each direction counts separately",
    default: "0.3",
    kind: SettingKind::Fraction,
};

const PROBABILITY: Setting = Setting {
    name: "nemesis-flaky-probability",
    doc: "The probability that a message on a flaky link is lost",
    default: "0.7",
    kind: SettingKind::Fraction,
};

/// At least one link, where there are any and a share of them is to be flaky.
fn draw(share: f64, nodes: &[NodeId], random: &mut Random) -> BadLinks {
    let all = all_links(nodes);
    let mut links = BadLinks::default();
    for (src, dest) in &all {
        if random.chance(share) {
            links.add(src, dest);
        }
    }
    if let (true, Some((src, dest))) = (links.is_empty() && share > 0.0, random.choose(&all)) {
        links.add(src, dest);
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::numbered_nodes;

    #[test]
    fn about_the_share_of_the_links_is_flaky() {
        let draw =
            |share| draw(share, &numbered_nodes(20), &mut Random::derive(4, "nemesis flaky")).pairs().count();
        assert!((80..150).contains(&draw(0.3)), "{} of 380", draw(0.3));
        assert_eq!(draw(1.0), 380);
        assert_eq!(draw(0.0), 0);
    }
}
