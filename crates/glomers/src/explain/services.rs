//! The guarantees of the services, with scenes that show what they allow.

use std::fmt::Write as _;

use super::scene::{Call, Step, answers_in_time, explaining_order, play};
use crate::wrap;

/// The explanation of a service.
pub(super) struct Explanation {
    service: &'static str,
    promise: &'static str,
    scenes: &'static [SceneDefinition],
    advice: &'static str,
}

/// A scene: its title, seed and script.
struct SceneDefinition {
    title: &'static str,
    seed: u64,
    script: &'static [(&'static str, Call)],
}

const ALL: &[Explanation] = &[
    Explanation {
        service: "lin-kv",
        promise: "\
Every operation takes effect at one moment between its request and its reply, and all nodes agree
on the order of these moments. A read sees every write that was acknowledged before the read began.

A read followed by a write is not one operation: another node may write in between. Only
compare-and-set is atomic.",
        scenes: &[
            SceneDefinition {
                title: "Two nodes count to two with reads and writes, and one increment is lost",
                seed: 0,
                script: &[
                    ("n1", Call::Write("x", 0)),
                    ("n1", Call::Read("x")),
                    ("n2", Call::Read("x")),
                    ("n1", Call::Write("x", 1)),
                    ("n2", Call::Write("x", 1)),
                    ("n1", Call::Read("x")),
                ],
            },
            SceneDefinition {
                title: "The same with compare-and-set: the second node gets an error and can try again",
                seed: 0,
                script: &[
                    ("n1", Call::Write("x", 0)),
                    ("n1", Call::Read("x")),
                    ("n2", Call::Read("x")),
                    ("n1", Call::Cas("x", 0, 1)),
                    ("n2", Call::Cas("x", 0, 1)),
                    ("n2", Call::Read("x")),
                    ("n2", Call::Cas("x", 1, 2)),
                ],
            },
        ],
        advice: "\
A request that is not answered in time may have taken effect, or may still do so. A compare-and-set that
is retried may fail because its first attempt succeeded. Write values that show which node wrote them.",
    },
    Explanation {
        service: "seq-kv",
        promise: "\
There is one order of all operations that explains every answer, and each node's own operations are in
it in the order in which the node sent them. Nothing more is promised: it need not be the order of time.

So a node may read from the past: from any of the last 32 states of the whole store. It never sees time
run backwards, and it sees its own writes. An operation that changes a value acts on the newest state, and
its node has seen that state from then on.",
        scenes: &[
            SceneDefinition {
                title: "A read is stale, until the reader changes something itself",
                seed: STALE_READ_SEED,
                script: &[
                    ("n1", Call::Write("x", 1)),
                    ("n1", Call::Write("x", 2)),
                    ("n1", Call::Write("x", 3)),
                    ("n2", Call::Read("x")),
                    ("n1", Call::Read("x")),
                    ("n2", Call::Read("x")),
                    ("n2", Call::Write("y", 1)),
                    ("n2", Call::Read("x")),
                ],
            },
            SceneDefinition {
                title: "A write is acknowledged, but takes effect in the past",
                seed: PAST_WRITE_SEED,
                script: &[
                    ("n1", Call::Write("x", 1)),
                    ("n2", Call::Write("y", 1)),
                    ("n2", Call::Cas("x", 1, 2)),
                    ("n1", Call::Write("x", 1)),
                    ("n2", Call::Read("x")),
                    ("n1", Call::Read("x")),
                ],
            },
        ],
        advice: "\
To read the newest state, write first: a value that has never been written before, to any key, and then
read. Writing the value that the key already has is not enough, because such a write may take effect in
the past. A counter that is only changed by compare-and-set never loses an increment; only its reads lag.",
    },
    Explanation {
        service: "lww-kv",
        promise: "\
Each request goes to one of two replicas at random, and the replicas exchange their state from time to
time. Of two values of a key, the one with the later time stamp wins, and each replica counts its own time
stamps. Once writes stop, the replicas converge. Nothing else is promised.

So a node may not see its own writes, may see time run backwards, and may lose an acknowledged write to
an earlier one. Compare-and-set compares with the state of one replica, and creates no keys.",
        scenes: &[SceneDefinition {
            title: "A node reads its first write, then its second, then its first again",
            seed: UNSTEADY_SEED,
            script: &[
                ("n1", Call::Write("x", 1)),
                ("n1", Call::Write("x", 2)),
                ("n1", Call::Read("x")),
                ("n1", Call::Read("x")),
                ("n2", Call::Read("x")),
                ("n2", Call::Read("x")),
                ("n1", Call::Read("x")),
                ("n1", Call::Read("x")),
                ("n1", Call::Read("x")),
            ],
        }],
        advice: "\
Store only what never changes once it is written, each value under its own key, and read again if a key
is missing.",
    },
    Explanation {
        service: "lin-tso",
        promise: "\
Each request gets an integer, starting from 0, greater than every integer that was returned before the
request was sent.

The integers have nothing to do with the time of day. A request whose reply is lost has used one up, so
there may be gaps. A node that waits may use its time stamp after others have used later ones.",
        scenes: &[SceneDefinition {
            title: "Two nodes ask in turn",
            seed: 0,
            script: &[
                ("n1", Call::Timestamp),
                ("n2", Call::Timestamp),
                ("n2", Call::Timestamp),
                ("n1", Call::Timestamp),
            ],
        }],
        advice: "\
Transactions that take one time stamp when they begin and one when they commit can be ordered by them, as
in Percolator.",
    },
];

/// The first reads of n2 are stale until it has written.
const STALE_READ_SEED: u64 = 7;
/// The second write of n1 comes before the compare-and-set of n2.
const PAST_WRITE_SEED: u64 = 1;
/// Both writes have the same time stamp, and for a while each replica has a different one of them.
const UNSTEADY_SEED: u64 = 22;

/// The explanation of the service of that name.
pub(super) fn find(service: &str) -> Option<&'static Explanation> {
    ALL.iter().find(|explanation| explanation.service == service)
}

impl Explanation {
    pub(super) fn write(&self, page: &mut String) {
        let _ = write!(page, "\n{}\n", wrap::paragraphs(self.promise));
        for scene in self.scenes {
            let steps = play(self.service, scene.seed, scene.script);
            let _ = write!(page, "\n{}:\n\n", wrap::paragraphs(scene.title));
            write_steps(page, &steps);
            write_order(page, &steps);
        }
        let _ = write!(page, "\n{}\n", wrap::paragraphs(self.advice));
    }
}

/// The steps in the order in time, with a remark where a linearizable service would have answered something else.
fn write_steps(page: &mut String, steps: &[Step]) {
    for (number, (step, expected)) in (1..).zip(steps.iter().zip(answers_in_time(steps))) {
        let asked = format!("{} {}", step.node, step.call);
        let answer = step.answer.to_string();
        let line = if step.answer == expected {
            format!("{asked:<36}{answer}")
        } else {
            format!("{asked:<36}{answer:<20}<- linearizable: {expected}")
        };
        let _ = writeln!(page, "  {number}. {line}");
    }
}

fn write_order(page: &mut String, steps: &[Step]) {
    let Some(order) = explaining_order(steps) else {
        page.push_str("\nNo order of these operations explains all the answers.\n");
        return;
    };
    let is_in_time = order.is_sorted();
    let order: Vec<String> = order.iter().map(|index| (index + 1).to_string()).collect();
    if is_in_time {
        page.push_str("\nThe order in time explains every answer.\n");
    } else {
        let _ = writeln!(page, "\nLegal: this order explains every answer: {}.", order.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::{super::scene::Answer, *};

    fn steps(service: &str, scene: usize) -> Vec<Step> {
        let explanation = find(service).expect("the service is explained");
        let scene = &explanation.scenes[scene];
        play(explanation.service, scene.seed, scene.script)
    }

    /// The numbers of the steps whose answers a linearizable service would not have given.
    fn surprises(steps: &[Step]) -> Vec<usize> {
        let expected = answers_in_time(steps);
        (0..steps.len())
            .filter(|index| steps[*index].answer != expected[*index])
            .map(|index| index + 1)
            .collect()
    }

    #[test]
    fn every_service_is_explained() {
        for service in glomers_world::services::ALL {
            assert!(find(service.name).is_some(), "{} is not explained", service.name);
        }
    }

    #[test]
    fn the_stale_read_of_seq_kv_is_stale_and_legal() {
        let steps = steps("seq-kv", 0);
        assert_eq!(steps[3].answer, Answer::Value(1));
        assert!(surprises(&steps).contains(&6), "{steps:?}");
        assert_eq!(steps[7].answer, Answer::Value(3));
        let order = explaining_order(&steps).expect("seq-kv is sequentially consistent");
        assert!(!order.is_sorted());
    }

    #[test]
    fn the_write_in_the_past_is_not_seen_and_legal() {
        let steps = steps("seq-kv", 1);
        assert_eq!(surprises(&steps), [5, 6]);
        assert!(steps[4..].iter().all(|step| step.answer == Answer::Value(2)), "{steps:?}");
        assert!(explaining_order(&steps).is_some_and(|order| !order.is_sorted()));
    }

    #[test]
    fn no_order_explains_lww_kv() {
        let steps = steps("lww-kv", 0);
        assert_eq!(explaining_order(&steps), None);
        let reads = [2, 6, 8].map(|index: usize| steps[index].answer);
        assert_eq!(reads, [1, 2, 1].map(Answer::Value), "{steps:?}");
    }

    #[test]
    fn time_explains_the_linearizable_services() {
        for (service, scene) in [("lin-kv", 0), ("lin-kv", 1), ("lin-tso", 0)] {
            assert_eq!(surprises(&steps(service, scene)), [] as [usize; 0]);
        }
        assert_eq!(steps("lin-kv", 1)[4].answer.to_string(), "precondition-failed");
    }
}
