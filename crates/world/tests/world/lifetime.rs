//! No process outlives its world, whichever way that ends.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use glomers_node::NodeId;
use glomers_world::Journal;

use crate::cluster::{Cluster, real, role_command};

/// Writes its own number, its child's, and that of a daemon's (a grandchild with a session of its own and no parent) to `pids`.
const FAMILY: &str = r#"
    sleep 1000 & child=$!
    (setsid sh -c 'echo $$ > daemon; exec sleep 1000' >/dev/null 2>&1 &)
    while [ ! -s daemon ]; do sleep 0.01; done
    echo "$$ $child $(cat daemon)" > pids.new; mv pids.new pids
    wait"#;

fn family(directory: &Path) -> Option<Vec<u32>> {
    let pids = fs::read_to_string(directory.join("pids")).ok()?;
    Some(pids.split_whitespace().map(|pid| pid.parse().expect("a process number")).collect())
}

/// Whether the process runs: one that is dead but not collected does not.
fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn start_family() -> (Cluster, Vec<u32>) {
    let mut cluster = Cluster::without_nodes(real(), Journal::in_memory());
    cluster.add_program(NodeId::from("n0"), FAMILY);
    let directory =
        cluster.log_file(&NodeId::from("n0")).parent().expect("the file has a directory").to_owned();
    let mut pids = None;
    while pids.is_none() {
        cluster.settle(Duration::from_millis(5));
        pids = family(&directory);
    }
    let pids = pids.expect("the loop ends with them");
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|pid| is_running(*pid)), "{pids:?}");
    (cluster, pids)
}

#[test]
fn a_finished_world_takes_the_whole_family_with_it() {
    let (cluster, pids) = start_family();
    cluster.finish();
    assert!(!pids.iter().any(|pid| is_running(*pid)), "{pids:?}");
}

#[test]
fn a_panic_takes_the_whole_family_with_it() {
    let family = thread::spawn(|| {
        let (cluster, pids) = start_family();
        let pids_in_panic = pids.clone();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _cluster = cluster;
            std::panic::resume_unwind(Box::new(pids_in_panic));
        }));
        assert!(panicked.is_err());
        pids
    });
    let pids = family.join().expect("the thread caught its panic");
    assert!(!pids.iter().any(|pid| is_running(*pid)), "{pids:?}");
}

#[test]
fn a_node_that_exits_takes_its_group_with_it() {
    let mut cluster = Cluster::without_nodes(real(), Journal::in_memory());
    cluster.add_program(NodeId::from("n0"), "sleep 1000 & echo $! > pids.new; mv pids.new pids; exit 0");
    let directory =
        cluster.log_file(&NodeId::from("n0")).parent().expect("the file has a directory").to_owned();
    while cluster.exits.is_empty() {
        let turn =
            cluster.world.turn(crate::cluster::milliseconds(30_000)).expect("memory takes the journal");
        cluster.exits.extend(turn.exits);
    }
    let child = family(&directory).expect("the file was written before the exit")[0];
    // The kernel needs a moment to end what was killed.
    while is_running(child) {
        thread::yield_now();
    }
}

/// Starts a script that writes the numbers of the processes that matter to `pids`, and waits until it has.
fn start_script(script: &str) -> (Cluster, Vec<u32>) {
    let mut cluster = Cluster::without_nodes(real(), Journal::in_memory());
    let node = cluster.add_program(NodeId::from("n0"), script);
    cluster.nodes.push(node);
    let directory =
        cluster.log_file(&NodeId::from("n0")).parent().expect("the file has a directory").to_owned();
    let mut pids = None;
    while pids.is_none() {
        cluster.settle(Duration::from_millis(5));
        pids = family(&directory);
    }
    (cluster, pids.expect("the loop ends with them"))
}

fn state(pid: u32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('-')
}

fn assert_all_gone(pids: &[u32]) {
    let left: Vec<_> = pids.iter().filter(|pid| is_running(**pid)).collect();
    assert!(left.is_empty(), "{left:?} of {pids:?} still run");
}

#[test]
fn a_pause_and_a_kill_reach_who_left_the_group_the_session_and_the_environment() {
    let (mut cluster, pids) = start_script(
        r#"
        setsid sleep 1000 & first=$!
        (env -i setsid sh -c 'echo $$ > daemon; exec sleep 1000' >/dev/null 2>&1 &)
        while [ ! -s daemon ]; do sleep 0.01; done
        echo "$$ $first $(cat daemon)" > pids.new; mv pids.new pids
        while :; do sleep 1; done"#,
    );
    let node = cluster.nodes[0];
    cluster.world.pause(node);
    // Stopping takes effect when each of them is next scheduled.
    while pids.iter().any(|pid| state(*pid) != 'T') {
        thread::yield_now();
    }
    cluster.world.resume(node);
    while pids.iter().any(|pid| state(*pid) == 'T') {
        thread::yield_now();
    }
    cluster.world.pause(node);
    cluster.world.kill(node);
    assert_all_gone(&pids);
    assert_eq!(cluster.world.protocol_violations().kept(), []);
}

#[test]
fn orphans_are_collected_while_the_run_goes_on() {
    let (mut cluster, pids) = start_script(
        r#"
        count=0
        while [ $count -lt 100 ]; do (true &); count=$((count + 1)); done
        echo "$$ $PPID" > pids.new; mv pids.new pids
        exec sleep 1000"#,
    );
    let [node, guard] = pids[..] else { panic!("two numbers: {pids:?}") };
    let children = || fs::read_to_string(format!("/proc/{guard}/task/{guard}/children")).expect("it runs");
    while children().trim() != node.to_string() {
        cluster.settle(Duration::from_millis(5));
    }
    cluster.finish();
    assert_all_gone(&pids);
}

#[test]
fn a_node_whose_guard_was_killed_ends_with_all_that_it_started() {
    let (mut cluster, pids) = start_script(
        r#"
        (env -i setsid sh -c 'echo $$ > daemon; exec sleep 1000' >/dev/null 2>&1 &)
        while [ ! -s daemon ]; do sleep 0.01; done
        echo "$$ $PPID $(cat daemon)" > pids.new; mv pids.new pids
        sleep 0.1; kill -s KILL $PPID; exec sleep 1000"#,
    );
    while cluster.exits.is_empty() {
        let turn =
            cluster.world.turn(crate::cluster::milliseconds(30_000)).expect("memory takes the journal");
        cluster.exits.extend(turn.exits);
    }
    assert_all_gone(&pids);
    let violation = cluster.world.protocol_violations().kept()[0].to_string();
    assert!(violation.contains("The process that supervises node n0 was killed"), "{violation}");
}

#[test]
fn a_guard_that_is_stopped_again_and_again_does_not_hang_a_kill() {
    let (mut cluster, pids) = start_script(
        r#"
        guard=$PPID
        setsid sh -c "while :; do kill -s STOP $guard; done" >/dev/null 2>&1 & stopper=$!
        echo "$$ $guard $stopper" > pids.new; mv pids.new pids
        exec sleep 1000"#,
    );
    let node = cluster.nodes[0];
    cluster.world.pause(node);
    cluster.world.resume(node);
    cluster.world.kill(node);
    assert_all_gone(&pids);
    assert!(!cluster.world.is_alive(node));
}

#[test]
fn a_guard_that_was_stopped_kills_all_the_same_when_its_workbench_is_killed() {
    kill_host_of("lifetime::stopped_guard_role");
}

#[test]
#[ignore = "another test runs it as a process of its own, and kills it"]
fn stopped_guard_role() {
    let (cluster, pids) = start_script(
        r#"
        (env -i setsid sh -c 'echo $$ > daemon; exec sleep 1000' >/dev/null 2>&1 &)
        while [ ! -s daemon ]; do sleep 0.01; done
        kill -s STOP $PPID
        echo "$$ $PPID $(cat daemon)" > pids.new; mv pids.new pids
        exec sleep 1000"#,
    );
    tell_and_wait(cluster, &pids);
}

#[test]
fn a_world_that_is_killed_takes_the_whole_family_with_it() {
    kill_host_of("lifetime::host_role");
}

#[test]
#[ignore = "another test runs it as a process of its own, and kills it"]
fn host_role() {
    let (cluster, pids) = start_family();
    tell_and_wait(cluster, &pids);
}

/// Kills a process that holds a world as soon as it has said which processes belong to that, and waits for their end.
fn kill_host_of(role: &str) {
    let mut host = Command::new("/bin/sh")
        .args(["-c", &role_command(role)])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell can be started");
    let stdout = host.stdout.take().expect("it is a pipe");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("the host writes its family's numbers");
    let pids: Vec<u32> = line.split_whitespace().map(|pid| pid.parse().expect("a process number")).collect();
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|pid| is_running(*pid)), "{pids:?}");
    host.kill().expect("it runs");
    host.wait().expect("it is our child");
    // The guard needs a moment; if it fails, the test's own time limit ends this.
    while pids.iter().any(|pid| is_running(*pid)) {
        thread::yield_now();
    }
}

fn tell_and_wait(mut cluster: Cluster, pids: &[u32]) {
    let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
    fs::write("/dev/fd/3", pids.join(" ") + "\n").expect("the true stdout is at descriptor 3");
    cluster.settle(Duration::from_secs(600));
}

#[test]
fn another_thread_can_end_a_wait() {
    let mut cluster = Cluster::without_nodes(real(), Journal::in_memory());
    let handle = cluster.world.wake_handle().expect("the system has a pipe");
    let waker = thread::spawn(move || handle.wake());
    let outcome = cluster.world.turn(glomers_node::Time::MAX).expect("memory takes the journal").outcome;
    assert_eq!(outcome, glomers_world::TurnOutcome::Woken);
    waker.join().expect("waking cannot fail");
}

#[test]
fn a_byte_written_before_the_wait_ends_it_too() {
    let mut cluster = Cluster::without_nodes(real(), Journal::in_memory());
    let handle = cluster.world.wake_handle().expect("the system has a pipe");
    let descriptor = handle.to_descriptor().expect("the system has a descriptor");
    // A signal handler does no more than this, and between two turns nobody waits.
    fs::File::from(descriptor).write_all(b"x").expect("the pipe has room");
    let outcome = cluster.world.turn(glomers_node::Time::MAX).expect("memory takes the journal").outcome;
    assert_eq!(outcome, glomers_world::TurnOutcome::Woken);
}
