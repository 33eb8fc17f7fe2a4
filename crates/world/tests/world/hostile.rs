//! Processes that break the protocol, by accident or on purpose: each gets a violation that a newcomer understands, and the world
//! goes on.

use std::time::Duration;

use glomers_node::NodeId;
use glomers_world::journal::Entry;
use glomers_world::{DropReason, Journal, Latency, Limits, SpawnError, ViolationKind, WorldOptions};

use crate::cluster::{Cluster, Echo, Tell, add_client, real, simulated};

fn with_program(script: &str) -> Cluster {
    with_program_under(real(), script)
}

fn with_program_under(options: WorldOptions, script: &str) -> Cluster {
    let mut cluster = Cluster::without_nodes(options, Journal::in_memory());
    let node = cluster.add_program(NodeId::from("n0"), script);
    cluster.nodes.push(node);
    cluster
}

/// Runs a script until there are so many violations, and returns them as sentences.
fn violations_of(script: &str, count: usize) -> Vec<String> {
    let mut cluster = with_program(script);
    cluster.turn_until(|world| world.protocol_violations().kept().len() >= count);
    cluster.world.protocol_violations().kept().iter().map(ToString::to_string).collect()
}

#[test]
fn every_bad_line_is_named_with_its_number_rule_and_cause() {
    let script = r#"
        printf 'Server started\n'
        printf '{"src":"n0","body":{}}\n'
        printf '{"src":"n0","dest":"c0","body":[]}\n'
        printf '{"src":"n7","dest":"c0","body":{}}\n'
        printf '{"src":"n0","dest":"c77","body":{"type":"x"}}\n'
        printf '\377\376\n'
        printf '{"src":"n0","dest":"c0","body":{}}{"src":"n0","dest":"c0","body":{}}\n'
        exec sleep 60"#;
    let violations = violations_of(script, 7);
    let expected = [
        ("not JSON at column 1", "Line 1", "log to stderr"),
        ("`dest` is missing", "Line 2", "log line"),
        ("expected `body` to be an object", "Line 3", "log line"),
        ("whose `src` is \"n7\"; expected \"n0\"", "Line 4", "the name that init gave it"),
        ("a message to \"c77\", but nobody in this cluster has that name", "Line 5", "reply to init"),
        ("not UTF-8", "Line 6", "another encoding"),
        ("not JSON at column", "Line 7", "missing newline"),
    ];
    for (violation, (rule, line, cause)) in violations.iter().zip(expected) {
        for part in [rule, line, cause] {
            assert!(violation.contains(part), "{violation:?} does not say {part:?}");
        }
    }
}

#[test]
fn good_lines_count_after_bad_ones() {
    let script =
        r#"echo 'not a message'; printf '{"src":"n0","dest":"c0","body":{"type":"hello"}}\n'; exec sleep 60"#;
    let mut cluster = with_program(script);
    cluster.turn_until(|world| world.network_statistics().all.recv_count == 1);
    assert_eq!(cluster.world.protocol_violations().kept().len(), 1);
}

#[test]
fn a_flood_of_rubbish_is_counted_but_not_kept() {
    let mut cluster = with_program("while :; do echo rubbish; done");
    cluster.turn_until(|world| world.protocol_violations().count_by_node().values().sum::<u64>() > 5000);
    assert_eq!(cluster.world.protocol_violations().kept().len(), 32);
    let (finished, _) = cluster.finish();
    assert!(finished.record_count < 100, "{}", finished.record_count);
}

#[test]
fn a_line_without_end_is_thrown_away() {
    let limits = Limits { line_bytes: 1 << 20, ..Limits::default() };
    let script = r#"head -c 5000000 /dev/zero | tr '\0' x; echo; printf '{"src":"n0","dest":"c0","body":{"type":"hello"}}\n'; exec sleep 60"#;
    let mut cluster = with_program_under(WorldOptions { limits, ..real() }, script);
    cluster.turn_until(|world| world.network_statistics().all.recv_count == 1);
    let violations = cluster.world.protocol_violations().kept();
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].kind, ViolationKind::LineTooLong { limit_bytes: 1 << 20 });
    assert_eq!(violations[0].line_number, Some(1));
}

#[test]
fn what_a_node_does_not_read_is_dropped_beyond_the_limit() {
    let limits = Limits { input_bytes: 64 << 10, ..Limits::default() };
    let mut cluster = with_program_under(WorldOptions { limits, ..real() }, "exec sleep 60");
    let client = cluster.world.node(cluster.client).expect("the client lives").clone();
    for _ in 0..20 {
        for echo in 0..2000 {
            client.send("n0", &Echo { echo });
        }
        cluster.world.spawn(cluster.client, async {});
        cluster.settle(Duration::ZERO);
    }
    let violations = cluster.world.protocol_violations().kept();
    assert!(!violations.is_empty());
    assert!(violations[0].to_string().contains("does not read its stdin"), "{}", violations[0]);
    let (_, records) = cluster.finish();
    assert!(
        records
            .iter()
            .any(|record| { matches!(record.entry, Entry::Dropped { reason: DropReason::Overflow, .. }) })
    );
}

#[test]
fn nobody_is_blamed_for_what_a_paused_node_cannot_read() {
    let limits = Limits { input_bytes: 1 << 10, ..Limits::default() };
    let latency = Latency::constant_ms(1.0);
    for options in [real(), simulated(1)] {
        let mut cluster = Cluster::start(WorldOptions { limits, latency, ..options }, 2);
        cluster.world.pause(cluster.nodes[1]);
        for word in 0..2000 {
            cluster.ask("n0", Tell { word }).expect("the other node answers");
        }
        cluster.settle(Duration::from_millis(50));
        assert_eq!(cluster.world.protocol_violations().kept(), []);
        let (_, records) = cluster.finish();
        let is_overflow =
            |entry: &Entry| matches!(entry, Entry::Dropped { reason: DropReason::Overflow, .. });
        assert!(records.iter().any(|record| is_overflow(&record.entry)));
    }
}

#[test]
fn closed_streams_of_a_living_node_are_its_fault() {
    let output = violations_of("exec >&-; exec sleep 60", 1);
    assert!(output[0].contains("closed its stdout but is still running"), "{output:?}");
    let mut cluster = with_program("exec <&-; exec sleep 60");
    cluster.turn_until(|world| !world.protocol_violations().is_empty());
    let violation = cluster.world.protocol_violations().kept()[0].to_string();
    assert!(violation.contains("closed its stdin but is still running"), "{violation}");
    cluster.world.spawn(cluster.client, {
        let client = cluster.world.node(cluster.client).expect("the client lives").clone();
        async move { client.send("n0", &Echo { echo: 0 }) }
    });
    let (_, records) = cluster.finish();
    assert!(
        records
            .iter()
            .any(|record| { matches!(record.entry, Entry::Dropped { reason: DropReason::InputClosed, .. }) })
    );
}

#[test]
fn an_exit_is_noticed_with_its_status_and_last_words() {
    let script =
        r#"echo 'last words' >&2; printf '{"src":"n0","dest":"c0","body":{"type":"hello"}}\nend' ; exit 3"#;
    let mut cluster = with_program(script);
    while cluster.exits.is_empty() {
        let turn =
            cluster.world.turn(crate::cluster::milliseconds(30_000)).expect("memory takes the journal");
        cluster.exits.extend(turn.exits);
    }
    let report = cluster.exits[0].to_string();
    for part in ["Node n0 exited with status 3", "last words", "\"hello\"", "    end"] {
        assert!(report.contains(part), "{report:?} does not say {part:?}");
    }
    assert_eq!(cluster.world.network_statistics().all.recv_count, 1, "what it printed before counts");
    assert!(!cluster.world.is_alive(cluster.nodes[0]));
    let (_, records) = cluster.finish();
    assert!(records.iter().any(|record| matches!(&record.entry, Entry::ProcessExited { status, .. } if status == "exited with status 3")));
}

#[test]
fn a_signal_is_named() {
    let mut cluster = with_program("kill -s SEGV $$");
    while cluster.exits.is_empty() {
        let turn =
            cluster.world.turn(crate::cluster::milliseconds(30_000)).expect("memory takes the journal");
        cluster.exits.extend(turn.exits);
    }
    assert_eq!(cluster.exits[0].status_in_words(), "was killed by SIGSEGV");
}

#[test]
fn a_program_that_cannot_start_says_what_to_do() {
    let mut cluster = Cluster::without_nodes(real(), Journal::hash_only());
    let id = NodeId::from("n0");
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let mut refuse = |name: &str, contents: &str, mode: u32| -> SpawnError {
        use std::os::unix::fs::PermissionsExt;
        let program = directory.path().join(name);
        if !contents.is_empty() {
            std::fs::write(&program, contents).expect("the file can be written");
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(mode))
                .expect("the mode can be set");
        }
        let spec = glomers_world::ProcessSpec { program, ..cluster.spec(&id, "") };
        cluster.world.add_process(id.clone(), &spec).expect_err("the program cannot start")
    };
    assert!(refuse("absent", "", 0).to_string().contains("there is no file"));
    assert!(refuse("plain", "#!/bin/sh\n", 0o644).to_string().contains("chmod +x"));
    assert!(refuse("orphan", "#!/no/such/interpreter\n", 0o755).to_string().contains("is it installed?"));
}

#[test]
fn processes_do_not_run_in_virtual_time() {
    let mut cluster = Cluster::without_nodes(simulated(0), Journal::hash_only());
    add_client(&mut cluster.world, "c1");
    let spec = cluster.spec(&NodeId::from("n0"), "exec sleep 60");
    let error = cluster.world.add_process(NodeId::from("n0"), &spec).expect_err("time is virtual");
    assert!(error.to_string().contains("virtual time"), "{error}");
}

#[test]
fn a_storm_on_a_slow_network_is_bounded_and_named() {
    let limits = Limits { input_bytes: 64 << 10, ..Limits::default() };
    let latency = Latency::constant_ms(60_000.0);
    let mut cluster = Cluster::start(WorldOptions { limits, latency, ..simulated(0) }, 2);
    for word in 0..1000 {
        cluster.ask("n0", Tell { word }).expect("clients have no latency");
    }
    let violation = cluster.world.protocol_violations().kept()[0].to_string();
    assert!(violation.contains("Node n0 sends faster than messages arrive"), "{violation}");
    let (_, records) = cluster.finish();
    let is_overflow = |entry: &Entry| matches!(entry, Entry::Dropped { reason: DropReason::Overflow, .. });
    let dropped = records.iter().filter(|record| is_overflow(&record.entry)).count();
    assert!((100..1000).contains(&dropped), "{dropped}");
}
