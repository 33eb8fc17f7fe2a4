//! Processes that break the protocol, by accident or on purpose: each gets a violation that a newcomer understands, and the world
//! goes on.

use std::time::Duration;

use glomers_node::NodeId;
use glomers_world::journal::{Entry, Record};
use glomers_world::{DropReason, Journal, Latency, Limits, ViolationKind, WorldOptions};

use crate::cluster::{Cluster, Echo, Tell, add_client, real, simulated, with_programs};

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
        printf '{"src":"n0","dest":"c77","body":{"type":"x"}}\n'
        printf '\377\376\n'
        printf '{"src":"n0","dest":"c0","body":{}}{"src":"n0","dest":"c0","body":{}}\n'
        exec sleep 60"#;
    let violations = violations_of(script, 6);
    let expected = [
        ("not JSON at column 1", "Line 1", "log to stderr"),
        ("`dest` is missing", "Line 2", "log line"),
        ("expected `body` to be an object", "Line 3", "log line"),
        ("a message to \"c77\", but nobody in this cluster has that name", "Line 4", "reply to init"),
        ("not UTF-8", "Line 5", "another encoding"),
        ("not JSON at column", "Line 6", "missing newline"),
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
    with_programs(|options| {
        let mut cluster = with_program_under(options.clone(), "exec >&-; exec sleep 60");
        cluster.turn_until(|world| !world.protocol_violations().is_empty());
        let violation = cluster.world.protocol_violations().kept()[0].to_string();
        assert!(violation.contains("closed its stdout but is still running"), "{violation}");
        let mut cluster = with_program_under(options, "exec <&-; exec sleep 60");
        cluster.turn_until(|world| !world.protocol_violations().is_empty());
        let violation = cluster.world.protocol_violations().kept()[0].to_string();
        assert!(violation.contains("closed its stdin but is still running"), "{violation}");
        cluster.world.spawn(cluster.client, {
            let client = cluster.world.node(cluster.client).expect("the client lives").clone();
            async move { client.send("n0", &Echo { echo: 0 }) }
        });
        cluster.settle(Duration::from_millis(1));
        let (_, records) = cluster.finish();
        assert!(records.iter().any(|record| {
            matches!(record.entry, Entry::Dropped { reason: DropReason::InputClosed, .. })
        }));
    });
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
fn a_program_that_cannot_start_says_what_to_do() {
    with_programs(|options| {
        let mut cluster = Cluster::without_nodes(options, Journal::hash_only());
        let id = NodeId::from("n0");
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let mut refuse = |name: &str, contents: &[u8], mode: u32, words: &str| {
            use std::os::unix::fs::PermissionsExt;
            let program = directory.path().join(name);
            if mode != 0 {
                std::fs::write(&program, contents).expect("the file can be written");
                std::fs::set_permissions(&program, std::fs::Permissions::from_mode(mode))
                    .expect("the mode can be set");
            }
            let spec = glomers_world::ProcessSpec { program, ..cluster.spec(&id, "") };
            let error = cluster.add_spec(id.clone(), &spec).expect_err("the program cannot start");
            assert!(error.is_about_program(), "{error}");
            assert!(error.to_string().contains(words), "{error} does not say {words:?}");
        };
        let elf = |machine: u8| {
            let mut start = b"\x7fELF\x02\x01\x01".to_vec();
            start.resize(64, 0);
            start[16..20].copy_from_slice(&[2, 0, machine, 0]);
            start
        };
        refuse("absent", b"", 0, "there is no file");
        refuse("plain", b"#!/bin/sh\n", 0o644, "chmod +x");
        refuse(
            "orphan",
            b"#!/no/such/interpreter -u\n",
            0o755,
            "\"/no/such/interpreter\", does not; is it installed",
        );
        refuse("windows-script", b"#!/bin/sh\r\necho hello\r\n", 0o755, "carriage return");
        refuse("empty", b"", 0o755, "an empty file");
        let foreign = if cfg!(target_arch = "x86_64") { 183 } else { 62 };
        refuse("foreign", &elf(foreign), 0o755, "a Linux program for");
        refuse("windows", b"MZ\x90\0", 0o755, "a program for Windows");
    });
}

#[test]
fn a_script_without_an_interpreter_is_a_shell_script() {
    use std::os::unix::fs::PermissionsExt;
    with_programs(|options| {
        let mut cluster = Cluster::without_nodes(options, Journal::in_memory());
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let program = directory.path().join("script");
        std::fs::write(&program, "exit 7\n").expect("the file can be written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))
            .expect("the mode can be set");
        let id = NodeId::from("n0");
        let spec = glomers_world::ProcessSpec { program, ..cluster.spec(&id, "") };
        cluster.add_spec(id, &spec).expect("a shell runs it");
        assert_eq!(first_exit(&mut cluster).status_in_words(), "exited with status 7");
    });
}

fn first_exit(cluster: &mut Cluster) -> glomers_world::ExitReport {
    while cluster.exits.is_empty() {
        let turn =
            cluster.world.turn(crate::cluster::milliseconds(30_000)).expect("memory takes the journal");
        cluster.exits.extend(turn.exits);
    }
    cluster.exits[0].clone()
}

#[test]
fn a_message_without_its_newline_is_named_once() {
    let message = r#"{"src":"n0","dest":"c0","body":{"type":"hello"}}"#;
    for script in [
        format!("printf '%s' '{message}'; exec sleep 60"),
        format!("echo '{message}'; printf '%s' '{message}{message}'; exec sleep 60"),
    ] {
        let violations = violations_of(&script, 1);
        assert!(
            violations[0].contains("a whole message without a newline after it, and then nothing"),
            "{violations:?}"
        );
        assert!(violations[0].contains("hello"), "{violations:?}");
    }
    // Half a message is nobody's fault while the node lives, and a message whose newline comes late is a message.
    let mut cluster = with_program(&format!(
        "printf '%s' '{message}'; sleep 0.2; echo; printf '{{\"src\":'; exec sleep 60"
    ));
    cluster.turn_until(|world| world.network_statistics().all.recv_count == 1);
    cluster.settle(Duration::from_millis(1500));
    assert_eq!(cluster.world.protocol_violations().kept(), []);
    assert_eq!(cluster.world.unfinished_line(cluster.nodes[0]).as_deref(), Some("{\"src\":"));
}

#[test]
fn half_a_last_line_is_reported_unless_the_node_was_killed() {
    let mut cluster = with_program(r#"printf '{"src":"n0",'; exit 0"#);
    first_exit(&mut cluster);
    let violation = cluster.world.protocol_violations().kept()[0].to_string();
    assert!(
        violation.contains("ended in the middle of a line") && violation.contains("{\"src\":\"n0\","),
        "{violation}"
    );
    let mut cluster = with_program(r#"printf '{"src":"n0",'; exec sleep 60"#);
    cluster.settle(Duration::from_millis(100));
    cluster.world.kill(cluster.nodes[0]);
    assert_eq!(cluster.world.protocol_violations().kept(), []);
}

#[test]
fn a_log_ends_at_its_limit_and_says_so() {
    let limits = Limits { log_bytes: 1 << 20, ..Limits::default() };
    let script = "head -c 5000000 /dev/zero | tr '\\0' x >&2; exit 2";
    let mut cluster = with_program_under(WorldOptions { limits, ..real() }, script);
    let exit = first_exit(&mut cluster);
    assert_eq!(exit.status_in_words(), "exited with status 2");
    let log = std::fs::read(cluster.log_file(&NodeId::from("n0"))).expect("the log is there");
    assert!(((1 << 20)..(1 << 20) + 200).contains(&log.len()), "{}", log.len());
    assert!(exit.stderr_tail.iter().any(|line| line.contains("has reached its limit of 1 MiB")), "{exit}");
    assert_eq!(
        cluster.world.protocol_violations().kept()[0].kind,
        ViolationKind::LogFull { limit_bytes: 1 << 20 }
    );
}

#[test]
fn a_log_that_is_no_file_is_refused_and_one_that_is_replaced_harms_nobody() {
    let mut cluster = Cluster::without_nodes(real(), Journal::hash_only());
    let id = NodeId::from("n0");
    let log = cluster.log_file(&id);
    nix::unistd::mkfifo(&log, nix::sys::stat::Mode::S_IRWXU).expect("a pipe can be made");
    let spec = cluster.spec(&id, "exec sleep 60");
    let error = cluster.add_spec(id.clone(), &spec).expect_err("a pipe is no log").to_string();
    assert!(error.contains("expected a regular file, but it is a pipe"), "{error}");
    std::fs::remove_file(&log).expect("it is there");
    // `mkfifo` in the log's place blocks nobody, and nothing that was written before is shown as the end of the log.
    let node = cluster.add_program(id, "echo words >&2; rm n0.log; mkfifo n0.log; exit 3");
    let exit = first_exit(&mut cluster);
    assert_eq!((exit.host, exit.status_in_words().as_str()), (node, "exited with status 3"));
    assert!(exit.stderr_tail.is_empty());
}

#[test]
fn a_node_that_traces_itself_or_is_stopped_has_not_ended() {
    let mut cluster = with_program("kill -s STOP $$; exit 6");
    while !cluster.world.is_stopped(cluster.nodes[0]) {
        cluster.settle(Duration::from_millis(5));
    }
    assert!(cluster.world.is_alive(cluster.nodes[0]));
    cluster.world.pause(cluster.nodes[0]);
    cluster.world.resume(cluster.nodes[0]);
    assert_eq!(first_exit(&mut cluster).status_in_words(), "exited with status 6");
}

#[test]
fn every_signal_has_a_name_or_a_number() {
    for (signal, words) in [("SEGV", "was killed by SIGSEGV"), ("40", "was killed by signal 40")] {
        let mut cluster = with_program(&format!("kill -s {signal} $$"));
        assert_eq!(first_exit(&mut cluster).status_in_words(), words);
    }
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

/// Nodes may forward a request under its client's name, as Maelstrom's demo of Raft does: whoever answers then answers the client.
#[test]
fn a_message_under_another_name_is_delivered_under_it_journalled_and_mentioned_once() {
    let script = r#"
        printf '{"src":"c0","dest":"n1","body":{"type":"echo","msg_id":7,"echo":1}}\n'
        printf '{"src":"c0","dest":"n1","body":{"type":"echo","msg_id":8,"echo":2}}\n'
        exec sleep 60"#;
    let mut cluster = Cluster::start(real(), 0);
    let ids = [NodeId::from("n1")];
    cluster.add_node(ids[0].clone());
    cluster.init(&ids[0], &ids);
    cluster.add_program(NodeId::from("n0"), script);
    let client = cluster.world.node(cluster.client).expect("the client lives").clone();
    cluster.turn_until(|_| client.unclaimed_replies() == 2);
    let notes: Vec<String> = cluster.world.notes().iter().map(ToString::to_string).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("Node n0 sends messages under another name than its own, the first as \"c0\""));
    assert!(cluster.world.protocol_violations().is_empty());
    let (_, records) = cluster.finish();
    let forwarded = |record: &&Record| {
        matches!(&record.entry, Entry::Sent { src, claimed_src: Some(claimed), dest, .. }
            if src.as_str() == "n0" && claimed.as_str() == "c0" && dest.as_str() == "n1")
    };
    assert_eq!(records.iter().filter(forwarded).count(), 2);
    assert!(
        records.iter().any(|record| matches!(&record.entry, Entry::Note { text, .. } if *text == notes[0]))
    );
}

/// How often a journal says that messages to `n0` were sent, delivered and dropped for this reason.
fn fates(records: &[Record], wanted: &DropReason) -> (usize, usize, usize) {
    let mut numbers = Vec::new();
    let (mut delivered, mut dropped) = (0, 0);
    for record in records {
        match &record.entry {
            Entry::Sent { message, dest, .. } if dest.as_str() == "n0" => numbers.push(*message),
            Entry::Delivered { message } if numbers.contains(message) => delivered += 1,
            Entry::Dropped { message, reason } if numbers.contains(message) => {
                assert_eq!(reason, wanted);
                dropped += 1;
            }
            _ => {}
        }
    }
    (numbers.len(), delivered, dropped)
}

/// Sends a program three messages, of which it reads the first, and waits until it has.
fn with_one_of_three_read(then: &str) -> Cluster {
    let script = format!("read line; echo read >&2; {then}");
    let mut cluster = with_program(&script);
    let client = cluster.world.node(cluster.client).expect("the client lives").clone();
    for echo in 0..3 {
        client.send("n0", &Echo { echo });
    }
    cluster.world.spawn(cluster.client, async {});
    let log = cluster.log_file(&NodeId::from("n0"));
    while std::fs::read(&log).is_ok_and(|log| log.is_empty()) {
        cluster.settle(Duration::from_millis(1));
    }
    cluster
}

#[test]
fn what_a_killed_process_had_not_read_was_not_delivered() {
    let mut cluster = with_one_of_three_read("exec sleep 60");
    assert_eq!(cluster.world.network_statistics().clients.recv_count, 3);
    cluster.world.kill(cluster.nodes[0]);
    assert_eq!(cluster.world.network_statistics().clients.recv_count, 1);
    let (_, records) = cluster.finish();
    assert_eq!(fates(&records, &DropReason::Unread), (3, 3, 2), "two deliveries were taken back");
}

#[test]
fn what_a_process_that_exits_had_not_read_was_not_delivered() {
    let mut cluster = with_one_of_three_read("exit 1");
    let node = cluster.nodes[0];
    cluster.turn_until(|world| !world.is_alive(node));
    assert_eq!(cluster.world.network_statistics().clients.recv_count, 1);
    let (_, records) = cluster.finish();
    assert_eq!(fates(&records, &DropReason::Unread), (3, 3, 2));
}

#[test]
fn what_was_in_the_pipe_when_a_process_closed_it_was_not_delivered() {
    let mut cluster = with_one_of_three_read("exec <&-; exec sleep 60");
    cluster.turn_until(|world| !world.protocol_violations().is_empty());
    assert_eq!(cluster.world.network_statistics().clients.recv_count, 1);
    let (_, records) = cluster.finish();
    assert_eq!(fates(&records, &DropReason::InputClosed), (3, 3, 2));
}

#[test]
fn what_waits_for_room_in_a_pipe_is_not_delivered_yet() {
    let mut cluster = with_program("exec sleep 60");
    let client = cluster.world.node(cluster.client).expect("the client lives").clone();
    for echo in 0..20_000 {
        client.send("n0", &Echo { echo });
    }
    cluster.world.spawn(cluster.client, async {});
    cluster.settle(Duration::from_millis(20));
    let delivered = cluster.world.network_statistics().clients.recv_count;
    assert!((100..20_000).contains(&delivered), "{delivered}");
    cluster.world.kill(cluster.nodes[0]);
    assert_eq!(cluster.world.network_statistics().clients.recv_count, 0);
    let (_, records) = cluster.finish();
    let sent = records.iter().filter(|record| matches!(record.entry, Entry::Sent { .. })).count();
    let dropped = records.iter().filter(|record| matches!(record.entry, Entry::Dropped { .. })).count();
    assert_eq!((sent, dropped), (20_000, 20_000));
}
