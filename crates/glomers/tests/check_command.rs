//! `glomers check` as a script sees it: recorded histories, broken ones, formats, exit statuses.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../../../tests/requirements.rs"]
mod requirements;
#[expect(dead_code, reason = "each of the test programs uses a part of it")]
mod support;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use glomers_check::{Validity, Value, edn};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use proptest::prelude::*;
use requirements::recorded_verdicts;
use support::{Ended, Sandbox};

fn check(options: &[&str], files: &[PathBuf]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glomers"));
    command.arg("check").args(options).args(files);
    Ended::from(command.output().expect("the workbench starts"))
}

/// The results of each file, in order.
fn results(options: &[&str], files: &[PathBuf]) -> Vec<Value> {
    let ended = check(&[options, &["--format", "edn"]].concat(), files);
    assert!(matches!(ended.code, Some(0..=2)), "{:?}\n{}", ended.code, ended.stderr);
    let results = edn::read(&ended.stdout).expect("the results are EDN");
    match results.get("results").and_then(Value::as_map) {
        Some(by_file) if files.len() > 1 => by_file.iter().map(|(_, result)| result.clone()).collect(),
        _ => vec![results],
    }
}

fn validity(result: &Value) -> Validity {
    Validity::from_value(result.get("valid?").expect("a verdict")).expect("a validity")
}

/// The lines of a table, split at tabs.
fn table(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).expect("recorded verdicts");
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn scratch(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let paths = files.iter().map(|(name, text)| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("writable");
        fs::write(&path, text).expect("writable");
        path
    });
    let paths = paths.collect();
    (directory, paths)
}

const WRITE: &str =
    "{:type :invoke, :process 0, :f :write, :value 1}\n{:type :ok, :process 0, :f :write, :value 1}\n";
const READ: &str = "{:type :invoke, :process 0, :f :read, :value nil}\n";

fn reads(value: &str) -> String {
    format!("{WRITE}{READ}{{:type :ok, :process 0, :f :read, :value {value}}}\n")
}

#[test]
fn etcd_and_key_value_histories_have_their_recorded_verdicts_untold_what_they_are() {
    let Some(folder) = recorded_verdicts("porcupine") else { return };
    let verdicts = table(&folder.join("verdicts.tsv"));
    let files: Vec<PathBuf> = verdicts.iter().map(|row| folder.join(&row[0])).collect();
    for (row, result) in verdicts.iter().zip(results(&[], &files)) {
        assert_eq!(validity(&result), Validity::from(row[2] == "true"), "{}", row[0]);
        let expected = if row[1] == "kv-append" { "log of each key" } else { "register" };
        assert_eq!(result.get("checked-as").and_then(Value::as_str), Some(expected), "{}", row[0]);
    }
}

#[test]
fn knossos_histories_have_their_recorded_verdicts() {
    let Some(folder) = recorded_verdicts("knossos") else { return };
    let verdicts = table(&folder.join("verdicts.tsv"));
    let files: Vec<PathBuf> = verdicts.iter().map(|row| folder.join(&row[0])).collect();
    for (row, result) in
        verdicts.iter().zip(results(&["--checker", "cas-register", "--initial", "0"], &files))
    {
        assert_eq!(validity(&result), Validity::from(row[2] == "true"), "{}", row[0]);
    }
}

#[test]
fn awdit_histories_have_their_recorded_levels() {
    let Some(folder) = recorded_verdicts("awdit") else { return };
    let verdicts: Vec<Vec<String>> = table(&folder.join("strongest-level.tsv"))
        .into_iter()
        .filter(|row| row[0].ends_with(".txt"))
        .collect();
    let files: Vec<PathBuf> = verdicts.iter().map(|row| folder.join(&row[0])).collect();
    // What AWDIT calls read committed is monotonic atomic view. Its levels all keep the order of sessions; of ours only the last
    // does, so that the others may hold where AWDIT's do not.
    const LEVELS: [(&str, &str); 3] =
        [("read-committed", "monotonic-atomic-view"), ("read-atomic", "read-atomic"), ("causal", "causal")];
    for (position, (_, level)) in LEVELS.into_iter().enumerate() {
        for (row, result) in verdicts.iter().zip(results(&["--checker", level], &files)) {
            let holds = LEVELS.iter().position(|(name, _)| *name == row[1]) >= Some(position);
            let verdict = validity(&result);
            assert!(!holds || verdict == Validity::Valid, "{level} of {}: {verdict}", row[0]);
            assert!(
                level != "causal" || (verdict == Validity::Valid) == holds,
                "{level} of {}: {verdict}",
                row[0]
            );
            assert!(result.get("workload").and_then(|part| part.get("strongest-level")).is_some());
        }
    }
    assert_eq!(validity(&results(&[], &files[..1])[0]), Validity::from(verdicts[0][1] == "causal"));
}

#[test]
fn elles_cases_have_their_recorded_verdicts() {
    let Some(folder) = recorded_verdicts("elle") else { return };
    let cases = edn::read(&fs::read_to_string(folder.join("cases.edn")).expect("cases")).expect("EDN");
    for (number, case) in cases.as_sequence().expect("a list").iter().enumerate() {
        let given = case.get("opts").and_then(Value::as_map).expect("options");
        // What else Elle can be asked for, the command does not offer.
        let is_plain = given.iter().all(|(key, _)| key.as_keyword() == Some("consistency-models"));
        let is_register = case.get("kind").and_then(Value::as_keyword) != Some("la");
        if !is_plain || is_register || validity_of(case).is_none() {
            continue;
        }
        let history = case.get("history").expect("a history").to_string();
        let (_directory, files) = scratch(&[("history.edn", &history)]);
        let mut options = vec!["--checker", "list-append", "--compat"];
        let models = given.first().and_then(|(_, models)| models.as_elements()).unwrap_or_default();
        let models: Vec<&str> = models.iter().filter_map(Value::as_keyword).collect();
        let models = models.join(" , ");
        if !models.is_empty() {
            options.extend(["--consistency-models", &models]);
        }
        let result = &results(&options, &files)[0];
        assert_eq!(Some(validity(result)), validity_of(case), "case {number}: {case}\n{result}");
    }
}

fn validity_of(case: &Value) -> Option<Validity> {
    Validity::from_value(case.get("valid?")?)
}

#[test]
fn recorded_runs_of_maelstrom_have_upstreams_workload_verdict() {
    let Some(folder) = recorded_verdicts("maelstrom") else { return };
    for entry in fs::read_dir(folder).expect("a folder") {
        let run = entry.expect("an entry").path();
        let command = fs::read_to_string(run.join("command.txt")).expect("a command");
        let words: Vec<&str> = command.split_whitespace().collect();
        let after =
            |option: &str| words.iter().position(|word| *word == option).map(|place| words[place + 1]);
        let workload = after("-w").expect("a workload");
        let Ok(recorded) = fs::read_to_string(run.join("results.edn")) else { continue };
        let mut options = vec!["--workload", workload, "--compat"];
        if let Some(models) = after("--consistency-models") {
            options.extend(["--consistency-models", models]);
        }
        let ours = &results(&options, std::slice::from_ref(&run))[0];
        let theirs = edn::read(&recorded).expect("EDN");
        for part in ["workload", "stats", "exceptions"] {
            let valid = |results: &Value| results.get(part).and_then(|part| part.get("valid?")).cloned();
            assert_eq!(valid(ours), valid(&theirs), "{part} of {}", run.display());
        }
    }
}

#[test]
fn json_says_what_edn_says() {
    let entries = [
        r#"{"index": 0, "time": 5, "type": "invoke", "process": 0, "f": "txn", "value": [["append", 1, 2], ["r", 1, null]]}"#,
        r#"{"index": 1, "time": 9, "type": "ok", "process": 0, "f": "txn", "value": [["append", 1, 2], ["r", 1, []]]}"#,
    ];
    let lines = entries.join("\n");
    let array = format!("[{}]", entries.join(",\n"));
    let edn = "[{:index 0, :time 5, :type :invoke, :process 0, :f :txn, :value [[:append 1 2] [:r 1 nil]]}
        {:index 1, :time 9, :type :ok, :process 0, :f :txn, :value [[:append 1 2] [:r 1 []]]}]";
    let (_directory, files) =
        scratch(&[("lines.json", &lines), ("array.json", &array), ("history.edn", edn)]);
    let found: Vec<String> = results(&[], &files)
        .iter()
        .map(|result| result.get("workload").expect("a workload").to_string())
        .collect();
    assert!(found[0].contains(":internal"), "{}", found[0]);
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], found[2]);
}

#[test]
fn failures_of_json_histories_count_as_they_do_in_edn() {
    let history = format!(
        "{}\n{}\n{}\n{}",
        r#"{"type": "invoke", "process": 0, "f": "write", "value": 1}"#,
        r#"{"type": "ok", "process": 0, "f": "write", "value": 1}"#,
        r#"{"type": "invoke", "process": 0, "f": "read", "value": null}"#,
        r#"{"type": "fail", "process": 0, "f": "read", "value": null, "error": ["key-does-not-exist", "gone"]}"#,
    );
    let (_directory, files) = scratch(&[("history.json", &history)]);
    check(&[], &files).expect_code(1);
    check(&["--compat"], &files).expect_code(0);
    check(&["--compat", "--strict"], &files).expect_code(1);
}

#[test]
fn the_worst_verdict_is_the_exit_status_and_each_file_is_told() {
    let (valid, invalid) = (reads("1"), reads("2"));
    let (_directory, files) =
        scratch(&[("valid.edn", &valid), ("invalid.edn", &invalid), ("unknown.edn", "[{:type")]);
    check(&[], &files[..1]).expect_code(0).expect_said(&["valid", "checked as  register", ":valid? true"]);
    check(&[], &files[1..2]).expect_code(1).expect_said(&["invalid.edn: Process 0 cannot `read 2`"]);
    check(&[], &files[2..]).expect_code(2).expect_said(&["line 1", ":valid? :unknown"]);
    check(&[], &files).expect_code(1).expect_said(&["3 histories: 1 valid, 1 invalid, 1 unknown."]);
    check(&[], &[files[0].clone(), files[2].clone()]).expect_code(2);
}

#[test]
fn what_cannot_be_asked_exits_with_254_and_says_why() {
    let (directory, files) = scratch(&[("history.edn", &reads("1")), ("empty/notes.txt", "")]);
    let file = files[0].to_str().expect("a plain path");
    let empty = directory.path().join("empty");
    let wrong: [(&[&str], &str); 8] = [
        (&["missing.edn"], "does not exist"),
        (&[empty.to_str().expect("a plain path")], "history.edn"),
        (&[file, "--checker", "regster"], "cas-register"),
        (&[file, "--consistency-models", "serialisable"], "serializable"),
        (&[file, "--consistency-models", "serializable,"], "quote the list"),
        (
            &[file, "--checker", "mutex", "--consistency-models", "serializable"],
            "list-append and rw-register",
        ),
        (&[file, "--version-orders", "wall-clock"], "wfr-keys"),
        (&[file, "--checker", "mutex", "--version-orders", "none"], "it is for rw-register"),
    ];
    for (arguments, hint) in wrong {
        let ended = check(arguments, &[]);
        ended.expect_code(254);
        assert!(ended.stderr.contains(hint), "{hint:?} is not in\n{}", ended.stderr);
    }
}

#[test]
fn a_history_that_breaks_off_is_unknown_unless_it_is_invalid_already() {
    let broken = format!("{}{{:type :invoke, :proc", reads("1"));
    let hopeless = format!("{}{{:type :invoke, :proc", reads("2"));
    let (_directory, files) = scratch(&[("broken.edn", &broken), ("hopeless.edn", &hopeless)]);
    check(&[], &files[..1])
        .expect_code(2)
        .expect_said(&["line 5", "The operations before that were checked."]);
    check(&[], &files[1..]).expect_code(1).expect_said(&["cannot `read 2`", "line 5"]);
}

#[test]
fn what_is_missing_from_a_history_that_breaks_off_may_still_come() {
    let lost = "{:type :invoke, :process 0, :f :broadcast, :value 1} {:type :ok, :process 0, :f :broadcast, :value 1}
        {:type :invoke, :process 0, :f :read, :value nil} {:type :ok, :process 0, :f :read, :value []}";
    let unseen = "{:type :invoke, :process 0, :f :send, :value [[:send \"k\" 1]]} {:type :ok, :process 0, :f :send, :value [[:send \"k\" [0 1]]]}
        {:type :invoke, :process 0, :f :poll, :value [[:poll]]} {:type :ok, :process 0, :f :poll, :value [[:poll {}]]}";
    for history in [lost, unseen] {
        let broken = format!("{history}\n{{:type :invoke, :proc");
        let (_directory, files) = scratch(&[("whole.edn", history), ("broken.edn", &broken)]);
        check(&[], &files[..1]).expect_code(1);
        check(&[], &files[1..]).expect_code(2).expect_said(&["The operations before that were checked."]);
    }
}

#[test]
fn malformed_histories_are_named_by_line_and_reason() {
    let long_key = "x".repeat(100_000);
    let deep = "[".repeat(100_000);
    let cases: [(&str, &str); 12] = [
        ("", "empty"),
        ("\n\n", "empty"),
        ("once upon a time", "resembles no history"),
        ("[]", "no operation"),
        ("{:process 0, :f :read}", ":type is missing"),
        ("{:type :ok, :process 0, :f :read}\n{:type :odd, :process 0, :f :read}", "line 2"),
        ("{\"type\": \"ok\", \"process\": }", "not JSON"),
        ("[{:type :ok, :process 0, :f :read} ", "cut short"),
        ("3 :ok :read 5\n3 :ok :read [", "line 2"),
        ("r 1 1\nr 1\n", "line 2"),
        (&long_key, "resembles no history"),
        (&deep, "line 1"),
    ];
    for (text, reason) in cases {
        let (_directory, files) = scratch(&[("history", text)]);
        let ended = check(&[], &files);
        ended.expect_code(2);
        assert!(
            ended.stdout.to_lowercase().contains(&reason.to_lowercase()),
            "{reason:?} is not in\n{}",
            ended.stdout
        );
        assert!(ended.stdout.len() < 2_000, "a sentence of {} bytes", ended.stdout.len());
    }
}

#[test]
fn the_largest_index_and_operations_that_fit_no_checker_are_no_trouble() {
    let (_directory, files) = scratch(&[
        (
            "largest.edn",
            "{:index 18446744073709551614, :type :invoke, :process 0, :f :write, :value 1}\n{:type :ok, :process 0, :f :write, :value 1}",
        ),
        ("strange.edn", "{:type :invoke, :process 0, :f :dance, :value 1}"),
    ]);
    check(&[], &files[..1]).expect_code(0);
    check(&[], &files[1..]).expect_code(2).expect_said(&["dance", "--workload", "--checker"]);
    let models = ["--consistency-models", "serializable"];
    check(&models, &files[..1]).expect_code(2).expect_said(&["register", "has no effect"]);
}

#[test]
fn what_a_node_sent_cannot_drive_the_terminal() {
    let history = "{:type :invoke, :process 0, :f :echo, :value \"a\"}
        {:type :ok, :process 0, :f :echo, :value {:type \"echo_ok\", :echo \"\u{1b}[2J\"}}";
    let (_directory, files) = scratch(&[("history.edn", history)]);
    for format in ["human", "junit"] {
        let ended = check(&["--format", format], &files);
        ended.expect_code(1);
        assert!(!ended.stdout.contains('\u{1b}'), "{}", ended.stdout);
    }
}

#[test]
fn junit_has_a_test_for_each_history() {
    let sandbox = Sandbox::new();
    for (name, text) in [("valid.edn", reads("1")), ("invalid.edn", reads("2")), ("cut.edn", "[".to_owned())]
    {
        fs::write(sandbox.path().join(name), text).expect("writable");
    }
    let ended =
        sandbox.run(sandbox.glomers(&["check", "valid.edn", "invalid.edn", "cut.edn", "--format", "junit"]));
    ended.expect_code(1);
    insta::assert_snapshot!(ended.stdout, @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="glomers" tests="3" skipped="0" failures="1" errors="1">
        <testsuite name="glomers check" tests="3" skipped="0" errors="1" failures="1">
            <testcase name="valid.edn" classname="register"/>
            <testcase name="invalid.edn" classname="register">
                <failure message="Process 0 cannot `read 2` (operations 2 to 3): 1 operation had ended, and after it only 1 was possible." type="invalid">Process 0 cannot `read 2` (operations 2 to 3): 1 operation had ended, and after it only 1 was possible.
    Up to there this order fits: `write 1` by process 0 (operations 0 to 1) leaves 1.</failure>
            </testcase>
            <testcase name="cut.edn" classname="unknown">
                <error message="The sequence of entries begins on line 1 and never ends: the history was cut short" type="unknown">The sequence of entries begins on line 1 and never ends: the history was cut short</error>
            </testcase>
        </testsuite>
    </testsuites>
    "#);
}

#[test]
fn a_run_is_checked_from_its_directory_and_from_its_journal_alone() {
    let sandbox = Sandbox::new();
    let echo = support::program("echo");
    let arguments =
        ["test", "-w", "echo", "--bin", echo.to_str().expect("a plain path"), "--node-count", "1"];
    sandbox
        .run(sandbox.glomers(&[&arguments[..], &["--time-limit", "1", "--seed", "42"]].concat()))
        .expect_code(0);
    let run = sandbox.run_directory();
    let expected = ["echo", "run.json says so", "seed        42"];
    check(&[], std::slice::from_ref(&run)).expect_code(0).expect_said(&expected);
    fs::remove_file(run.join("history.edn")).expect("there");
    check(&[], std::slice::from_ref(&run)).expect_code(0).expect_said(&expected);
    let journal = fs::read(run.join("run.journal")).expect("there");
    fs::write(run.join("run.journal"), &journal[..journal.len() / 2]).expect("writable");
    check(&[], std::slice::from_ref(&run)).expect_code(2).expect_said(&["journal"]);
}

#[test]
fn what_nodes_did_on_the_side_counts_as_it_did_in_the_run() {
    let sandbox = Sandbox::new();
    sandbox.run(sandbox.hostile("answer-init-twice", &[])).expect_code(1);
    let run = sandbox.run_directory();
    check(&[], std::slice::from_ref(&run)).expect_code(1).expect_said(&["n0"]);
    check(&["--compat"], std::slice::from_ref(&run)).expect_code(0);
}

#[test]
fn a_history_may_come_from_standard_input() {
    let (_directory, files) = scratch(&[("history.edn", &reads("2"))]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_glomers"));
    command.args(["check", "-"]).stdin(fs::File::open(&files[0]).expect("there"));
    Ended::from(command.output().expect("the workbench starts"))
        .expect_code(1)
        .expect_said(&["cannot `read 2`"]);
}

/// A check of what nobody ever finishes writing.
fn endless(options: &[&str]) -> (std::process::Child, std::process::ChildStdin) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glomers"));
    command.arg("check").args(options).arg("-");
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("the workbench starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    for number in 0..2_000 {
        for kind in ["invoke", "ok"] {
            let write = format!("{{:type :{kind}, :process 0, :f :write, :value {number}}}\n");
            stdin.write_all(write.as_bytes()).expect("the workbench reads");
        }
    }
    (child, stdin)
}

#[test]
fn an_interrupt_ends_a_long_check() {
    let (child, stdin) = endless(&["--checker", "register"]);
    // It has read all that the pipe does not hold, so that it watches for signals.
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("the workbench runs");
    let ended = Ended::from(child.wait_with_output().expect("it ends"));
    drop(stdin);
    ended.expect_code(130).expect_said(&["interrupted"]);
}

#[test]
fn a_check_that_takes_longer_than_its_time_limit_is_unknown() {
    let (child, stdin) = endless(&["--checker", "register", "--time-limit", "300ms"]);
    let ended = Ended::from(child.wait_with_output().expect("it ends"));
    drop(stdin);
    ended.expect_code(2).expect_said(&["interrupted"]);
}

#[test]
fn the_order_of_versions_is_inferred_as_asked() {
    let transaction = |process: u64, value: &str| {
        let entry = |kind: &str| format!("{{:type :{kind}, :process {process}, :f :txn, :value {value}}}\n");
        entry("invoke") + &entry("ok")
    };
    // A process goes back to an older version.
    let back = [transaction(0, "[[:w :x 1]]"), transaction(0, "[[:w :x 2]]"), transaction(0, "[[:r :x 1]]")];
    let (_scratch, files) = scratch(&[("back.edn", &back.concat())]);
    let options = ["--checker", "rw-register", "--consistency-models", "read-committed"];
    check(&options, &files).expect_code(0);
    let sequential = [&options[..], &["--version-orders", "wfr-keys,sequential-keys"]].concat();
    check(&sequential, &files).expect_code(1).expect_said(&["cyclic-versions"]);
}

#[test]
fn help_lists_every_checker() {
    let ended = check(&["--help"], &[]);
    for entry in glomers_check::registry::ALL {
        ended.expect_code(0).expect_said(&[entry.name]);
    }
}

/// What the library answers to a file of these bytes.
fn answer(bytes: &[u8]) -> Validity {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let path = directory.path().join("history");
    fs::write(&path, bytes).expect("writable");
    let question = glomers::check::Question {
        workload: None,
        checker: None,
        models: Vec::new(),
        version_orders: None,
        initial: None,
        has_initial_transaction: false,
        mode: glomers_check::Mode::Strict,
    };
    let watch = glomers::check::Watch::default();
    let source = glomers::check::Source::open(&path, &watch).expect("it is there");
    let answers = [glomers::check::check(&path, source, &question, &watch)];
    let _ = glomers::check::report::human(&answers);
    let cases = answers.iter().map(|answer| glomers::junit::Case {
        name: "history",
        class: "history",
        validity: answer.validity,
        sentence: &answer.sentence,
        findings: &answer.findings,
    });
    glomers::junit::report("random histories", cases).expect("XML");
    answers[0].validity
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_ne!(answer(&bytes), Validity::Invalid);
    }

    #[test]
    fn random_pieces_of_histories_never_panic(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", "(", "#jepsen.history.Op", ":type", ":invoke", ":ok", ":process", " 0", ":f", ":txn", ":value", "[[:r 1 nil]]",
            "[[:append 1 2]]", "\"", "\\", ";", "\n", ",", "nil", "w 1 2\n", "-----\n", "3 :ok :read", "{:type :invoke, :process 0, :f :txn, :value ",
        ]), 0..40)
    ) {
        answer(pieces.concat().as_bytes());
    }

    #[test]
    fn a_valid_history_cut_anywhere_is_never_invalid(cut in 0_usize..400, damage in any::<Option<(u16, u8)>>()) {
        let mut bytes = reads("1").repeat(2).into_bytes();
        bytes.truncate(cut);
        if let (Some((place, byte)), false) = (damage, bytes.is_empty()) {
            let place = usize::from(place) % bytes.len();
            bytes[place] = byte;
            answer(&bytes);
        } else {
            prop_assert_ne!(answer(&bytes), Validity::Invalid);
        }
    }
}
