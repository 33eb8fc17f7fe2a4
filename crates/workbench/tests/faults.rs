//! Every fault on nodes that talk to each other: that it does what it says, is healed, and is told in the history; that the same seed
//! draws the same; and that no fault shifts another's draws.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use glomers_check::{Operation, Process, Validity, Value};
use glomers_node::{Node, NodeId, RawValue, Router, RpcError, Time, messages};
use glomers_workbench::{Outcome, Simulation, nemeses};
use glomers_world::{
    DropReason,
    journal::{Entry, JournalReader},
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Echo {
    echo: Box<RawValue>,
}
#[derive(Serialize, Deserialize)]
struct EchoOk {
    echo: Box<RawValue>,
}
#[derive(Serialize, Deserialize)]
struct Rumour {}
messages! { "echo" Echo => "echo_ok" EchoOk; "rumour" Rumour; }

/// Echoes, and tells all its peers that it did.
struct Gossip {
    node: Node,
}

impl Gossip {
    fn router(node: Node) -> Router<Self> {
        Router::new(Self { node }).on(Self::echo).on_notice(Self::rumour)
    }

    async fn echo(&self, request: Echo) -> Result<EchoOk, RpcError> {
        for peer in self.node.peers() {
            self.node.send(peer, &Rumour {});
        }
        Ok(EchoOk { echo: request.echo })
    }

    async fn rumour(&self, _: NodeId, _: Rumour) {}
}

/// How long operations are invoked, in virtual time.
const TIME_LIMIT: Duration = Duration::from_secs(10);

fn simulation(faults: &[&str], seed: u64) -> Simulation {
    Simulation::new("echo")
        .node_count(5)
        .concurrency(10)
        .rate_hz(50.0)
        .time_limit(TIME_LIMIT)
        .nemesis(faults, Duration::from_millis(500))
        .seed(seed)
}

fn run(faults: &[&str], seed: u64) -> Outcome {
    simulation(faults, seed).run(Gossip::router)
}

/// What the journal tells of a run's faults.
#[derive(Debug, Default)]
struct Traces {
    cut: usize,
    lost: usize,
    doubled: usize,
    /// Messages between nodes that were under way for longer than scheduling takes.
    late: usize,
    overtaken: usize,
    killed: Vec<NodeId>,
    added: BTreeMap<NodeId, usize>,
    paused: Vec<NodeId>,
    resumed: Vec<NodeId>,
    rules_installed: usize,
    rules_removed: usize,
}

fn traces(outcome: &Outcome) -> Traces {
    let mut traces = Traces::default();
    let mut sent: BTreeMap<u64, (Time, (NodeId, NodeId))> = BTreeMap::new();
    let mut delivered = BTreeSet::new();
    let mut last_sent: BTreeMap<(NodeId, NodeId), u64> = BTreeMap::new();
    for record in JournalReader::new(outcome.journal.as_slice()) {
        let record = record.expect("the journal is whole");
        match record.entry {
            Entry::Sent { message, src, dest, .. } if !src.is_client() && !dest.is_client() => {
                sent.insert(message, (record.time, (src, dest)));
            }
            Entry::Delivered { message } => {
                let Some((sent_at, link)) = sent.get(&message) else { continue };
                traces.doubled += usize::from(!delivered.insert(message));
                traces.late += usize::from(record.time.since(*sent_at) > Duration::from_millis(1));
                let newest = last_sent.entry(link.clone()).or_default();
                traces.overtaken += usize::from(message < *newest);
                *newest = message.max(*newest);
            }
            Entry::Dropped { reason: DropReason::Partition, .. } => traces.cut += 1,
            Entry::Dropped { reason: DropReason::Loss, .. } => traces.lost += 1,
            Entry::HostKilled { host } => traces.killed.push(host),
            Entry::HostAdded { host, .. } if !host.is_client() => {
                *traces.added.entry(host).or_default() += 1;
            }
            Entry::HostPaused { host } => traces.paused.push(host),
            Entry::HostResumed { host } => traces.resumed.push(host),
            Entry::RuleInstalled { .. } => traces.rules_installed += 1,
            Entry::RuleRemoved { .. } => traces.rules_removed += 1,
            _ => {}
        }
    }
    traces
}

fn steps(outcome: &Outcome) -> Vec<&Operation> {
    outcome.history.iter().filter(|operation| operation.process == Process::Nemesis).collect()
}

#[test]
fn without_faults_nothing_is_cut_lost_doubled_or_late() {
    let outcome = run(&[], 1);
    outcome.assert_valid();
    let traces = traces(&outcome);
    assert_eq!((traces.cut, traces.lost, traces.doubled, traces.late), (0, 0, 0, 0), "{traces:?}");
    assert_eq!(steps(&outcome).len(), 0);
}

#[test]
fn every_fault_of_the_network_does_what_it_says_and_nothing_else() {
    type Effect = fn(&Traces) -> usize;
    let effects: [(&str, Effect); 8] = [
        ("asymmetric", |traces| traces.cut),
        ("one-way", |traces| traces.cut),
        ("partition", |traces| traces.cut),
        ("flaky", |traces| traces.lost),
        ("loss", |traces| traces.lost),
        ("duplication", |traces| traces.doubled),
        ("reordering", |traces| traces.overtaken.min(traces.late)),
        ("slow", |traces| traces.late),
    ];
    for (fault, effect) in effects {
        let outcome = run(&[fault], 3);
        outcome.assert_valid();
        let traces = traces(&outcome);
        assert!(effect(&traces) > 50, "{fault}: {traces:?}");
        assert!(traces.rules_installed > 3, "{fault}: {traces:?}");
        assert_eq!(traces.rules_installed, traces.rules_removed, "{fault} is not healed");
        let struck = [traces.cut, traces.lost, traces.doubled].into_iter().filter(|count| *count > 0).count();
        assert!(struck <= 1, "{fault}: {traces:?}");
        assert_eq!((traces.killed.len(), traces.paused.len()), (0, 0));
        let (start, stop) = (format!("start-{fault}"), format!("stop-{fault}"));
        for (number, step) in steps(&outcome).into_iter().enumerate() {
            assert_eq!(step.f.as_str(), if number % 4 < 2 { &start } else { &stop });
        }
    }
}

#[test]
fn slow_links_keep_their_order() {
    // Once the links are slow no more, what is sent overtakes what is under way: here that never comes.
    let traces = traces(&simulation(&["slow"], 3).nemesis(&["slow"], 100 * TIME_LIMIT).run(Gossip::router));
    assert_eq!(traces.rules_installed, 1);
    assert!(traces.late > 200 && traces.overtaken * 100 < traces.late, "{traces:?}");
}

#[test]
fn killed_nodes_are_started_again() {
    let outcome = run(&["kill"], 2);
    outcome.assert_valid();
    let traces = traces(&outcome);
    assert!(traces.killed.len() > 5, "{traces:?}");
    for node in (0..5).map(|number| NodeId::from(format!("n{number}"))) {
        let kills = traces.killed.iter().filter(|killed| **killed == node).count();
        assert_eq!(traces.added[&node], 1 + kills, "{node} was not started as often as it died");
    }
    let fs: Vec<&str> = steps(&outcome).iter().map(|step| step.f.as_str()).collect();
    assert_eq!(fs[..8], ["kill", "kill", "start", "start", "kill", "kill", "start", "start"]);
    assert_eq!(steps(&outcome)[2].value, Value::keyword("all"));
}

#[test]
fn paused_nodes_go_on() {
    let outcome = run(&["pause"], 2);
    outcome.assert_valid();
    let traces = traces(&outcome);
    assert!(traces.paused.len() > 5, "{traces:?}");
    let sorted = |nodes: &[NodeId]| {
        let mut nodes = nodes.to_vec();
        nodes.sort();
        nodes
    };
    assert_eq!(sorted(&traces.paused), sorted(&traces.resumed));
    let fs: Vec<&str> = steps(&outcome).iter().map(|step| step.f.as_str()).collect();
    assert_eq!(fs[..4], ["pause", "pause", "resume", "resume"]);
}

#[test]
fn all_faults_together_stay_clean_and_are_healed() {
    for seed in 0..8 {
        let outcome = run(&nemeses::all(), seed);
        assert_eq!(
            outcome.validity,
            Validity::Valid,
            "seed {seed}: {}\n{:#?}",
            outcome.sentence,
            outcome.findings
        );
        assert_eq!(outcome.findings, [] as [&str; 0], "seed {seed}");
        let traces = traces(&outcome);
        assert_eq!(traces.rules_installed, traces.rules_removed, "seed {seed}");
        let lives: usize = traces
            .added
            .iter()
            .filter(|(node, _)| node.as_str().starts_with('n'))
            .map(|(_, lives)| lives)
            .sum();
        assert_eq!(lives, 5 + traces.killed.len(), "seed {seed}: a node was left dead");
        // Whoever was killed while paused need not be resumed.
        assert!(traces.resumed.len() <= traces.paused.len());
        for node in &traces.paused {
            let is_over = traces.resumed.contains(node) || traces.killed.contains(node);
            assert!(is_over, "seed {seed}: {node} was left paused");
        }
    }
}

#[test]
fn the_same_seed_draws_the_same_faults() {
    let (first, second) = (run(&nemeses::all(), 7), run(&nemeses::all(), 7));
    assert_eq!(first.trace_hash, second.trace_hash);
    assert_eq!(first.history_edn(), second.history_edn());
    assert_ne!(first.trace_hash, run(&nemeses::all(), 8).trace_hash);
}

/// When a fault acted and what it asked for, before the end of the run heals it.
fn draws(outcome: &Outcome, fault: &str) -> Vec<(u64, String, String)> {
    let is_own = |f: &str| match fault {
        "kill" => f == "kill" || f == "start",
        "pause" => f == "pause" || f == "resume",
        _ => f.strip_prefix("start-").or(f.strip_prefix("stop-")) == Some(fault),
    };
    let limit_ns = (TIME_LIMIT - Duration::from_millis(200)).as_nanos() as u64;
    steps(outcome)
        .chunks(2)
        .map(|pair| pair[0])
        .filter(|step| is_own(step.f.as_str()) && step.time_ns < limit_ns)
        .map(|step| (step.time_ns, step.f.to_string(), step.value.to_string()))
        .collect()
}

#[test]
fn a_fault_draws_the_same_with_and_without_the_others() {
    let together = run(&nemeses::all(), 5);
    for fault in nemeses::all() {
        let alone = run(&[fault], 5);
        assert!(draws(&alone, fault).len() > 5, "{fault} acted too seldom to tell");
        assert_eq!(draws(&alone, fault), draws(&together, fault), "{fault}");
    }
    let but_one: Vec<&str> = nemeses::all().into_iter().filter(|fault| *fault != "kill").collect();
    let without = run(&but_one, 5);
    for fault in but_one {
        assert_eq!(draws(&without, fault), draws(&together, fault), "{fault} without kill");
    }
}

#[test]
fn options_say_how_strong_a_fault_is() {
    let traces_of =
        |fault, setting, value| traces(&simulation(&[fault], 3).setting(setting, value).run(Gossip::router));
    assert_eq!(traces_of("loss", "nemesis-loss-probability", "0").lost, 0);
    assert_eq!(traces_of("slow", "nemesis-slow-delay", "0").late, 0);
    let one = traces_of("kill", "nemesis-kill-nodes", "one").killed.len();
    let all = traces_of("kill", "nemesis-kill-nodes", "all").killed.len();
    assert_eq!(all, 5 * one, "the same times are drawn, and five nodes instead of one");
}

/// The operations of the clients, and when each was invoked and completed.
fn client_operations(outcome: &Outcome) -> Vec<String> {
    let of_client = outcome.history.iter().filter(|operation| operation.is_client());
    of_client.map(|operation| Operation { index: 0, ..operation.clone() }.to_string()).collect()
}

#[test]
fn the_faults_of_a_random_run_are_repeated_by_the_script_that_it_writes() {
    for seed in 0..5 {
        let random = run(&nemeses::all(), seed);
        assert!(random.faults.lines().count() >= 10, "{}", random.faults);
        let scripted = simulation(&[], seed).nemesis_script(&random.faults).run(Gossip::router);
        assert_eq!(
            client_operations(&random),
            client_operations(&scripted),
            "seed {seed}:\n{}",
            random.faults
        );
        assert_eq!(random.faults, scripted.faults, "seed {seed}");
    }
}

/// The function and the result of each action of the nemesis.
fn actions(script: &str) -> Vec<String> {
    let outcome = simulation(&[], 1).nemesis_script(script).run(Gossip::router);
    let nemesis = outcome.history.iter().filter(|operation| operation.process == Process::Nemesis);
    let second = nemesis.skip(1).step_by(2);
    second.map(|step| format!("{} ms {} {}", step.time_ns / 1_000_000, step.f.as_str(), step.value)).collect()
}

#[test]
fn a_script_acts_at_its_times_and_heals_what_it_says() {
    let all_run = r#"{"n0" :already-running, "n1" :already-running, "n2" :started, "n3" :already-running, "n4" :already-running}"#;
    assert_eq!(
        actions(
            "at 1s for 2s cut n0 to n1\nat 2s kill n2\nat 4s slow n3 by 100ms\nat 6s heal\nat 8s lose 50%"
        ),
        [
            r#"1000 ms start-partition [:isolated {"n1" #{"n0"}}]"#.to_owned(),
            r#"2000 ms kill {"n2" :killed}"#.to_owned(),
            "3000 ms stop-partition :network-healed".to_owned(),
            r#"4000 ms start-slow [:slowed #{"n3"}]"#.to_owned(),
            format!("6000 ms start {all_run}"),
            "6000 ms stop-slow :network-healed".to_owned(),
            r#"8000 ms start-loss "each message between nodes is lost with probability 0.5""#.to_owned(),
            // The limit ends what the script did not.
            "10000 ms stop-loss :network-healed".to_owned(),
        ]
    );
}

#[test]
fn a_statement_can_wait_for_a_message() {
    let actions = actions(
        "when n1 sends rumour 9 times, after 100ms for 1s kill n1\nwhen n1 receives init, after 1ms pause n1",
    );
    assert_eq!(actions.len(), 4, "{actions:?}");
    assert!(actions[0].ends_with(r#"kill {"n1" :killed}"#), "{actions:?}");
    assert!(actions[1].contains("start {") && actions[1].contains(r#""n1" :started"#), "{actions:?}");
    // The init of the restart: the first one came before the first operation, and does not count.
    assert!(actions[2].contains("pause"), "{actions:?}");
}

#[test]
#[should_panic(
    expected = "line 1, column 12: expected a node of this run (n0, n1, n2, n3, n4), found \"n7\""
)]
fn a_script_with_an_unknown_node_is_refused() {
    simulation(&[], 1).nemesis_script("at 1s kill n7").run(Gossip::router);
}

/// Adds elements to a file, and reads it. It syncs before it answers, or it does not.
struct Keeper {
    node: Node,
    is_careful: bool,
}

#[derive(Serialize, Deserialize)]
struct Add {
    element: Box<RawValue>,
}
#[derive(Serialize, Deserialize)]
struct AddOk {}
#[derive(Serialize, Deserialize)]
struct Read {}
#[derive(Serialize, Deserialize)]
struct ReadOk {
    value: Vec<Box<RawValue>>,
}
messages! { "add" Add => "add_ok" AddOk; "read" Read => "read_ok" ReadOk; }

impl Keeper {
    /// Whoever starts again first cuts off what a crash has left half written. It was never acknowledged.
    fn router(node: Node, is_careful: bool) -> Router<Self> {
        let storage = node.storage();
        let bytes = storage.read("elements").expect("memory can be read").unwrap_or_default();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < bytes.len() {
            storage.replace("elements", &bytes[..whole]).expect("memory can be written");
        }
        Router::new(Self { node, is_careful }).on(Self::add).on(Self::read)
    }

    async fn add(&self, request: Add) -> Result<AddOk, RpcError> {
        let storage = self.node.storage();
        storage
            .append("elements", format!("{}\n", request.element.get()).as_bytes())
            .expect("memory can be written");
        if self.is_careful {
            storage.sync().expect("memory can be synced");
        }
        Ok(AddOk {})
    }

    async fn read(&self, _: Read) -> Result<ReadOk, RpcError> {
        let bytes = self.node.storage().read("elements").expect("memory can be read").unwrap_or_default();
        let text = String::from_utf8(bytes).expect("it was written as text");
        Ok(ReadOk {
            value: text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect(),
        })
    }
}

#[test]
fn a_kill_takes_from_the_storage_what_the_plan_says() {
    use glomers_workbench::plan::KillStorage::{Kept, Lost, Torn, UnsyncedLost};
    for (left, is_careful, expected) in [
        (Kept, false, Validity::Valid),
        (UnsyncedLost, true, Validity::Valid),
        (UnsyncedLost, false, Validity::Invalid),
        (Torn, true, Validity::Valid),
        (Torn, false, Validity::Invalid),
        (Lost, true, Validity::Invalid),
    ] {
        let simulation = Simulation::new("g-set")
            .node_count(1)
            .concurrency(5)
            .rate_hz(50.0)
            .time_limit(2 * TIME_LIMIT)
            .nemesis(&["kill"], Duration::from_secs(1))
            .setting("nemesis-kill-nodes", "all")
            .kill_storage(left);
        let outcome = simulation.run(move |node| Keeper::router(node, is_careful));
        assert_eq!(outcome.validity, expected, "{left:?}, syncs {is_careful}: {}", outcome.sentence);
        simulation.assert_deterministic(move |node| Keeper::router(node, is_careful));
    }
}
