use glomers_check::{OperationKind, Value};

use super::*;

const PLAN: &str = r#"plan {"workload":"g-set","nodes":["n0","n1"],"concurrency":4,"rate_hz":5.0,"time_limit":{"secs":60,"nanos":0},"latency":{"mean_ms":0.0,"distribution":"constant"},"nemesis":[],"nemesis_interval":{"secs":10,"nanos":0},"nemesis_delay":{"secs":0,"nanos":0},"nemesis_kill_storage":"kept","availability":"none","recovery":{"secs":10,"nanos":0},"fail_fast":false,"expectations":[],"settings":{},"seed":7}"#;

#[test]
fn a_replay_is_read_as_it_was_written() {
    let text = format!(
        "{PLAN}\nwhen n1 sends add 2 times kill n0\nat 0s client 0 add 3\nat 500ms for 2s cut n0 from n1\nat 1s client 3 read nil {{:a 1}}\n"
    );
    let replay: Replay = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(replay.to_string(), text);
    assert_eq!(replay.to_text("Two\nlines."), format!("# Two\n# lines.\n{text}"));
    assert_eq!(replay.to_text("Two\nlines.").parse(), Ok(replay));
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    for (text, expected) in [
        ("at 0s client 0 add 3".to_owned(), "there is no line `plan {…}`"),
        (format!("{PLAN}\n{PLAN}"), "line 2: a second plan"),
        ("plan {}".to_owned(), "line 1: the plan can't be read: missing field `workload`"),
        (format!("{PLAN}\n\nat 0s client x add 3"), "line 3: expected the number of a client, found \"x\""),
        (
            format!("{PLAN}\nat 0s client 0 add 3\nat 1s kill n7"),
            "the script of faults, line 3, column 12: expected a node",
        ),
        (PLAN.replace("g-set", "meteor"), "there is no workload \"meteor\""),
    ] {
        let error = text.parse::<Replay>().expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_story_has_the_outcome_of_each_operation_and_the_faults() {
    let plan: Replay = PLAN.parse().expect("it is a replay");
    let add = Operation::invoke(3, "add", 5).at(0, 1_000_000);
    let read = Operation::invoke(0, "read", ()).at(1, 2_000_000);
    let history = [
        add.clone(),
        read.clone(),
        Operation::nemesis("kill", ()).at(2, 3_000_000),
        Operation::nemesis("kill", Value::string("n1")).at(3, 3_000_000),
        read.completed(OperationKind::Ok, Value::Vector(vec![5.into()])).at(4, 4_500_000),
        add.completed(OperationKind::Info, 5).with_error(Value::keyword("net-timeout")).at(5, 9_000_000_000),
        Operation::invoke(0, "read", ()).at(6, 9_500_000_000),
    ];
    assert_eq!(
        story(plan.plan(), &history),
        "  1. 1ms: client 3 asks n1: add 5 → outcome unknown, :net-timeout (after 8.999s)\n\
         \x20 2. 2ms: client 0 asks n0: read → ok, [5] (after 2.5ms)\n\
         \x20 3. 3ms: nemesis: kill \"n1\"\n\
         \x20 4. 9.5s: client 0 asks n0: read\n"
    );
    let many: Vec<Operation> =
        (0..200).map(|number| Operation::invoke(number, "read", ()).at(number, number)).collect();
    let told = story(plan.plan(), &many);
    assert_eq!(told.lines().count(), 61);
    assert!(told.contains("… 140 steps left out …"), "{told}");
}
