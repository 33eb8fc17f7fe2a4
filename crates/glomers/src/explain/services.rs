//! The promises of the services, and the scenes that show what they allow.

use std::fmt::Write as _;

use super::scene::{Call, Step, answers_in_time, explaining_order, play};

/// What is said of a service.
pub(super) struct Explanation {
    service: &'static str,
    promise: &'static str,
    scenes: &'static [SceneDefinition],
    advice: &'static str,
}

/// A scene to be played, and what to watch for.
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
on the order of these moments. Whatever was acknowledged before you ask, you see.

What that does not promise: that a read followed by a write is one operation. Another node may come
between the two. Only compare-and-set is atomic.",
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
                title: "The same with compare-and-set: the second node is told, and can try again",
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
A request that is not answered in time may have happened, or may happen yet. A compare-and-set that is
tried again may fail because its first attempt succeeded: write values that tell whose they are.",
    },
    Explanation {
        service: "seq-kv",
        promise: "\
There is one order of all operations, it explains every answer, and each node's own operations stand
in it in the order in which the node made them. That is all: the order need not be that of time.

So a node may be shown the past: any of the last 32 states, of all keys together. It never sees time run
backwards, and it sees what it wrote itself. An operation that changes what is there acts on the newest
state, and brings its node there.",
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
                title: "A write is acknowledged, and happens in the past",
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
Who must see the present writes first: a value that nobody has written before, under any key, and
then reads. To write what is there already does not do, since that may happen in the past. A counter
kept by compare-and-set alone never loses an increment; it is its reads that lag.",
    },
    Explanation {
        service: "lww-kv",
        promise: "\
Two replicas answer by turns, as chance will have it, and tell each other what they know now and then.
Of two values under a key the one with the later time stamp stays, and the stamps are counted by each
replica for itself. When writes end, the replicas agree in the end. Nothing else is promised.

So a node may not see what it wrote, may see time run backwards, and an acknowledged write may be lost
to an earlier one. Compare-and-set compares with what one replica knows, and creates no keys.",
        scenes: &[SceneDefinition {
            title: "A node reads what it wrote first, then what it wrote last, then the first again",
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
Keep in it what never changes once it is written, each value under a key of its own, and read again
where a key is missing.",
    },
    Explanation {
        service: "lin-tso",
        promise: "\
Each request gets an integer, from 0 on, greater than all that were given out before it was made.

The integers say nothing of the time of day. A request whose answer is lost has used one up, so that
there may be gaps; and a node that waits may use its stamp after others have used later ones.",
        scenes: &[SceneDefinition {
            title: "Two nodes ask by turns",
            seed: 0,
            script: &[
                ("n1", Call::Timestamp),
                ("n2", Call::Timestamp),
                ("n2", Call::Timestamp),
                ("n1", Call::Timestamp),
            ],
        }],
        advice: "\
Transactions that take one stamp when they begin and one when they commit can be put into one order by
them: that is how Percolator does it.",
    },
];

/// What n2 reads first is stale, and stays so until it has written.
const STALE_READ_SEED: u64 = 7;
/// The second write of n1 comes before the compare-and-set of n2.
const PAST_WRITE_SEED: u64 = 1;
/// Both writes have the same stamp, and each replica has another of them for a while.
const UNSTEADY_SEED: u64 = 22;

/// The explanation of the service of that name.
pub(super) fn find(service: &str) -> Option<&'static Explanation> {
    ALL.iter().find(|explanation| explanation.service == service)
}

impl Explanation {
    pub(super) fn write(&self, page: &mut String) {
        let _ = write!(page, "\n{}\n", self.promise);
        for scene in self.scenes {
            let steps = play(self.service, scene.seed, scene.script);
            let _ = write!(page, "\n{}:\n\n", scene.title);
            write_steps(page, &steps);
            write_order(page, &steps);
        }
        let _ = write!(page, "\n{}\n", self.advice);
    }
}

/// The steps in the order of time, with a remark where a linearizable service would have answered otherwise.
fn write_steps(page: &mut String, steps: &[Step]) {
    for (number, (step, expected)) in (1..).zip(steps.iter().zip(answers_in_time(steps))) {
        let asked = format!("{} {}", step.node, step.call);
        let answer = step.answer.to_string();
        let line = if step.answer == expected {
            format!("{asked:<36}{answer}")
        } else {
            format!("{asked:<36}{answer:<24}<- a linearizable service would say {expected}")
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
        page.push_str("\nThe order of time explains every answer.\n");
    } else {
        let _ = writeln!(page, "\nLegal, for this order explains every answer: {}.", order.join(", "));
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
