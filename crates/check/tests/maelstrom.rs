//! Runs recorded with Maelstrom: our results are theirs, as values and as text.

mod support;

use std::path::{Path, PathBuf};

use glomers_check::{
    Availability, AvailabilityGoal, Checker, Composition, Echo, Exceptions, History, Kafka, Mode, PnCounter,
    SetFull, Stats, UniqueIds, Value, check, edn,
};

/// The runs, sorted by name.
fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn results(run: &Path) -> Option<Value> {
    std::fs::read_to_string(run.join("results.edn")).ok().map(|text| edn::read(&text).expect("EDN"))
}

fn goal(run: &Path) -> AvailabilityGoal {
    let command = std::fs::read_to_string(run.join("command.txt")).expect("a recorded command");
    if command.contains("--availability total") { AvailabilityGoal::Total } else { AvailabilityGoal::None }
}

/// Errors are listed in the order of a hash table upstream: as a value, the list is a bag.
fn with_sorted_errors(mut results: Value) -> Value {
    let errors = results.get("errors").and_then(Value::as_sequence).map(|errors| {
        let mut errors = errors.to_vec();
        errors.sort();
        errors
    });
    if let Some(errors) = errors {
        results.insert("errors", Value::List(errors));
    }
    results
}

#[test]
fn echo_runs_have_upstreams_results() {
    let Some(root) = support::conformance("maelstrom") else { return };
    for name in [
        "echo-ok",
        "echo-bad",
        "odd-echo-badreply",
        "odd-echo-error-custom",
        "odd-echo-error-known",
        "odd-echo-silent",
    ] {
        let run = root.join(name);
        let checker = Composition::new()
            .with("exceptions", Exceptions::default())
            .with("stats", Stats::default())
            .with("availability", Availability::new(goal(&run)))
            .with("workload", Echo::new(Mode::Compat));
        let ours = check(&History::read(run.join("history.edn")).unwrap(), checker).results;
        let theirs = results(&run).unwrap();
        for part in ["exceptions", "stats", "availability", "workload", "valid?"] {
            let of = |results: &Value| with_sorted_errors(results.get(part).cloned().unwrap());
            assert_eq!(of(&ours), of(&theirs), "{part} of {name}");
        }
    }
}

#[test]
fn strict_echo_is_unknown_where_nothing_succeeded_and_does_not_blame_an_error() {
    let Some(root) = support::conformance("maelstrom") else { return };
    for (name, expected) in [
        ("echo-ok", "true"),
        ("echo-bad", "false"),
        ("odd-echo-badreply", ":unknown"),
        ("odd-echo-error-custom", "true"),
        ("odd-echo-error-known", "true"),
        ("odd-echo-silent", ":unknown"),
    ] {
        let history = History::read(root.join(name).join("history.edn")).unwrap();
        let verdict = check(&history, Echo::new(Mode::Strict));
        assert_eq!(verdict.results.get("valid?").unwrap().to_string(), expected, "{name}");
    }
}

/// The checker of a workload, by the beginning of the name of its runs.
fn checker_of(run: &str, mode: Mode) -> Option<Box<dyn Checker>> {
    let starts = |prefix: &str| run.starts_with(prefix);
    match () {
        () if starts("broadcast") => Some(Box::new(SetFull::new(mode).adding_with("broadcast"))),
        () if starts("g-set") => Some(Box::new(SetFull::new(mode))),
        () if starts("g-counter") || starts("pn-counter") => Some(Box::new(PnCounter::new(mode))),
        () if starts("unique-ids") => Some(Box::new(UniqueIds::new(mode))),
        () => None,
    }
}

#[test]
fn sets_counters_and_ids_have_upstreams_results_to_the_letter() {
    let Some(root) = support::conformance("maelstrom") else { return };
    let mut count = 0;
    for run in folders(&root) {
        let name = run.file_name().unwrap().to_string_lossy().into_owned();
        let (Some(theirs), Some(mut compat)) = (results(&run), checker_of(&name, Mode::Compat)) else {
            continue;
        };
        let history = History::read(run.join("history.edn")).unwrap();
        history.operations().iter().for_each(|operation| compat.observe(operation));
        let (ours, theirs) = (compat.finish().results, theirs.get("workload").unwrap().clone());
        assert_eq!(edn::pretty(&ours), edn::pretty(&theirs), "{name}");
        let mut strict = checker_of(&name, Mode::Strict).unwrap();
        history.operations().iter().for_each(|operation| strict.observe(operation));
        let strict = strict.finish();
        assert_eq!(strict.results.get("valid?"), theirs.get("valid?"), "strictly, {name}");
        count += 1;
    }
    assert!(count > 0, "no run of these workloads at {}", root.display());
}

/// A list of errors whose order upstream leaves to its hash tables and threads, as a bag.
fn as_bag(errors: &Value) -> Vec<Value> {
    let mut errors = errors.as_sequence().expect("a list").to_vec();
    errors.sort();
    errors
}

#[test]
fn logs_have_upstreams_anomalies_counts_and_lag() {
    let Some(root) = support::conformance("maelstrom") else { return };
    for name in ["kafka-ok-single", "kafka-bad-lost", "kafka-bad-dup", "kafka-bad-split"] {
        let run = root.join(name);
        let history = History::read(run.join("history.edn")).unwrap();
        let ours = check(&history, Kafka::new(Mode::Compat)).results;
        let theirs = results(&run).unwrap().get("workload").unwrap().clone();
        let keys = |results: &Value| -> Vec<Value> {
            results.as_map().unwrap().iter().map(|(key, _)| key.clone()).collect()
        };
        assert_eq!(keys(&ours), keys(&theirs), "{name}");
        for (key, theirs) in theirs.as_map().unwrap() {
            let ours = ours.get_value(key).unwrap();
            let (Some(our_count), Some(their_count)) = (ours.get("count"), theirs.get("count")) else {
                assert_eq!(ours, theirs, "{key} of {name}");
                continue;
            };
            assert_eq!(our_count, their_count, "{key} of {name}");
            let (our_errors, their_errors) = (ours.get("errs").unwrap(), theirs.get("errs").unwrap());
            // Of more cases than are shown, equally grave ones are chosen at random.
            if their_count == &Value::from(as_bag(their_errors).len()) {
                assert_eq!(as_bag(our_errors), as_bag(their_errors), "{key} of {name}");
            } else {
                assert_eq!(as_bag(our_errors).len(), as_bag(their_errors).len(), "{key} of {name}");
            }
        }
        let strict = check(&history, Kafka::new(Mode::Strict)).results;
        assert_eq!(strict.get("valid?"), theirs.get("valid?"), "strictly, {name}");
    }
}

#[test]
fn every_run_has_upstreams_stats_availability_and_exceptions() {
    let Some(root) = support::conformance("maelstrom") else { return };
    for run in folders(&root) {
        let Some(theirs) = results(&run) else { continue };
        let history = History::read(run.join("history.edn")).unwrap();
        let mut parts: Vec<(&str, Box<dyn Checker>)> = vec![
            ("exceptions", Box::new(Exceptions::default())),
            ("stats", Box::new(Stats::default())),
            ("availability", Box::new(Availability::new(goal(&run)))),
        ];
        for (name, mut checker) in parts.drain(..) {
            history.operations().iter().for_each(|operation| checker.observe(operation));
            assert_eq!(&checker.finish().results, theirs.get(name).unwrap(), "{name} of {}", run.display());
        }
    }
}

#[test]
fn histories_and_results_are_written_as_upstream_writes_them() {
    let Some(root) = support::conformance("maelstrom") else { return };
    for run in folders(&root) {
        let text = std::fs::read_to_string(run.join("history.edn")).unwrap();
        for (line, operation) in text.lines().zip(History::from_edn(&text).unwrap().operations()) {
            assert_eq!(
                operation.to_string(),
                line.trim_start_matches("#jepsen.history.Op"),
                "{}",
                run.display()
            );
            assert_eq!(operation.to_value().to_string(), operation.to_string());
        }
        let Ok(text) = std::fs::read_to_string(run.join("results.edn")) else { continue };
        let ours = edn::pretty(&edn::read(&text).unwrap());
        if let Some((line, (ours, theirs))) =
            ours.lines().zip(text.lines()).enumerate().find(|(_, (a, b))| a != b)
        {
            panic!("line {} of {}:\nours   {ours}\ntheirs {theirs}", line + 1, run.display());
        }
        assert_eq!(ours.trim_end(), text.trim_end());
    }
}
