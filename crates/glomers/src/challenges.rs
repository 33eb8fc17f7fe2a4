//! The Gossip Glomers challenges: the official command of each, its targets, and the bundled node that solves it.

/// A challenge.
#[derive(Debug)]
pub struct Challenge {
    /// Its number, such as `3d`.
    pub number: &'static str,
    /// What it asks for.
    pub title: &'static str,
    /// The tests to pass, in order.
    pub runs: &'static [Run],
    /// The bundled node that solves it, and its arguments.
    pub node: &'static str,
    /// The arguments of that node.
    pub node_arguments: &'static [&'static str],
    /// The best published figures that we found.
    pub published: &'static str,
}

/// A test of a challenge.
#[derive(Debug)]
pub struct Run {
    /// The official options, without `--bin`.
    pub options: &'static str,
    /// Limits for its figures, in addition to a valid run.
    pub targets: &'static [&'static str],
    /// Further figures to show.
    pub figures: &'static [&'static str],
}

const fn run(options: &'static str) -> Run {
    Run { options, targets: &[], figures: &[] }
}

const AVAILABILITY: &[&str] = &["availability.ok-fraction"];
const TRAFFIC: &[&str] = &["net.servers.msgs-per-op"];
const SPREAD: &[&str] = &["net.servers.msgs-per-op", "stable-latency.p50", "stable-latency.max"];

/// What 3d and 3e are tried with beside their official run.
const BROADCAST_UNDER_PARTITIONS: Run = Run {
    figures: SPREAD,
    ..run("-w broadcast --node-count 25 --time-limit 20 --rate 100 --latency 100 --nemesis partition")
};

/// What 5c has to stay below: half of the best published figure for 5b, since the challenge asks for clearly fewer messages than there.
const CLEARLY_FEWER: &[&str] = &["net.servers.msgs-per-op<3.5"];

/// Every challenge, in the official order.
pub const ALL: &[Challenge] = &[
    Challenge {
        number: "1",
        title: "Echo",
        runs: &[run("-w echo --node-count 1 --time-limit 10")],
        node: "echo",
        node_arguments: &[],
        published: "",
    },
    Challenge {
        number: "2",
        title: "Unique ids, with total availability under partitions",
        runs: &[Run {
            figures: AVAILABILITY,
            ..run(
                "-w unique-ids --time-limit 30 --rate 1000 --node-count 3 --availability total --nemesis partition",
            )
        }],
        node: "unique-ids",
        node_arguments: &[],
        published: "",
    },
    Challenge {
        number: "3a",
        title: "Broadcast on one node",
        runs: &[run("-w broadcast --node-count 1 --time-limit 20 --rate 10")],
        node: "broadcast",
        node_arguments: &[],
        published: "",
    },
    Challenge {
        number: "3b",
        title: "Broadcast on five nodes",
        runs: &[Run { figures: SPREAD, ..run("-w broadcast --node-count 5 --time-limit 20 --rate 10") }],
        node: "broadcast",
        node_arguments: &[],
        published: "",
    },
    Challenge {
        number: "3c",
        title: "Broadcast under partitions",
        runs: &[Run {
            figures: SPREAD,
            ..run("-w broadcast --node-count 5 --time-limit 20 --rate 10 --nemesis partition")
        }],
        node: "broadcast",
        node_arguments: &[],
        published: "",
    },
    Challenge {
        number: "3d",
        title: "Broadcast with low latency",
        runs: &[
            Run {
                targets: &[
                    "net.servers.msgs-per-op<30",
                    "stable-latency.p50<400ms",
                    "stable-latency.max<600ms",
                ],
                ..run("-w broadcast --node-count 25 --time-limit 20 --rate 100 --latency 100")
            },
            BROADCAST_UNDER_PARTITIONS,
        ],
        node: "broadcast",
        node_arguments: &["--profile", "low-latency"],
        published: "11.79, 84 / 105 ms (loses data under partition)",
    },
    Challenge {
        number: "3e",
        title: "Broadcast with few messages",
        runs: &[
            Run {
                targets: &["net.servers.msgs-per-op<20", "stable-latency.p50<1s", "stable-latency.max<2s"],
                ..run("-w broadcast --node-count 25 --time-limit 20 --rate 100 --latency 100")
            },
            BROADCAST_UNDER_PARTITIONS,
        ],
        node: "broadcast",
        node_arguments: &["--profile", "low-traffic"],
        published: "1.92, 764 / 1087 ms; 1.99, 339 / 678 ms",
    },
    Challenge {
        number: "4",
        title: "A counter that grows, under partitions",
        runs: &[Run {
            figures: TRAFFIC,
            ..run("-w g-counter --node-count 3 --rate 100 --time-limit 20 --nemesis partition")
        }],
        node: "g-counter",
        node_arguments: &[],
        published: "",
    },
    Challenge {
        number: "5a",
        title: "A log on one node",
        runs: &[run("-w kafka --node-count 1 --concurrency 2n --time-limit 20 --rate 1000")],
        node: "kafka",
        node_arguments: &[],
        published: "",
    },
    Challenge {
        number: "5b",
        title: "A log on two nodes",
        runs: &[Run {
            figures: TRAFFIC,
            ..run("-w kafka --node-count 2 --concurrency 2n --time-limit 20 --rate 1000")
        }],
        node: "kafka",
        node_arguments: &[],
        published: "6.95",
    },
    Challenge {
        number: "5c",
        title: "A log on two nodes with clearly fewer messages",
        runs: &[Run {
            targets: CLEARLY_FEWER,
            figures: AVAILABILITY,
            ..run("-w kafka --node-count 2 --concurrency 2n --time-limit 20 --rate 1000")
        }],
        node: "kafka",
        node_arguments: &[],
        published: "1.39",
    },
    Challenge {
        number: "6a",
        title: "Transactions on one node",
        runs: &[run(
            "-w txn-rw-register --node-count 1 --time-limit 20 --rate 1000 --concurrency 2n --consistency-models read-uncommitted \
             --availability total",
        )],
        node: "txn-rw-register",
        node_arguments: &[],
        published: "",
    },
    Challenge {
        number: "6b",
        title: "Transactions on two nodes, read uncommitted, also under partitions",
        runs: &[
            Run {
                figures: TRAFFIC,
                ..run(
                    "-w txn-rw-register --node-count 2 --concurrency 2n --time-limit 20 --rate 1000 --consistency-models read-uncommitted",
                )
            },
            Run {
                figures: AVAILABILITY,
                ..run(
                    "-w txn-rw-register --node-count 2 --concurrency 2n --time-limit 20 --rate 1000 --consistency-models read-uncommitted \
                     --availability total --nemesis partition",
                )
            },
        ],
        node: "txn-rw-register",
        node_arguments: &[],
        published: "",
    },
    Challenge {
        number: "6c",
        title: "Transactions on two nodes, read committed, under partitions",
        runs: &[Run {
            figures: AVAILABILITY,
            ..run(
                "-w txn-rw-register --node-count 2 --concurrency 2n --time-limit 20 --rate 1000 --consistency-models read-committed \
                 --availability total --nemesis partition",
            )
        }],
        node: "txn-rw-register",
        node_arguments: &[],
        published: "",
    },
];

/// The challenge of that number.
pub fn find(number: &str) -> Option<&'static Challenge> {
    ALL.iter().find(|challenge| challenge.number == number)
}

/// A bundled node and its workload.
#[derive(Debug)]
pub struct Demonstration {
    /// The node.
    pub node: &'static str,
    /// The options of the test, without `--bin`.
    pub options: &'static str,
}

/// Every bundled node on its workload. Raft starts only after all nodes have been connected once, so its faults must be short.
pub const DEMONSTRATIONS: &[Demonstration] = &[
    Demonstration { node: "echo", options: "-w echo" },
    Demonstration {
        node: "unique-ids",
        options: "-w unique-ids --rate 1000 --nemesis partition --availability total",
    },
    Demonstration { node: "broadcast", options: "-w broadcast --nemesis partition" },
    Demonstration { node: "g-set", options: "-w g-set --nemesis partition" },
    Demonstration { node: "pn-counter", options: "-w pn-counter --nemesis partition" },
    Demonstration { node: "g-counter", options: "-w g-counter --nemesis partition" },
    Demonstration { node: "kafka", options: "-w kafka --node-count 2 --concurrency 2n --rate 100" },
    Demonstration {
        node: "lin-kv",
        options: "-w lin-kv --concurrency 10 --rate 100 --nemesis partition --nemesis-interval 2",
    },
    Demonstration { node: "txn-list-append", options: "-w txn-list-append --rate 100" },
    Demonstration {
        node: "txn-rw-register",
        options: "-w txn-rw-register --node-count 2 --rate 100 --consistency-models read-committed --availability total --nemesis partition",
    },
];
