//! Recorded verdicts on linearizability: ours are the same.

mod support;

use std::path::Path;

use glomers_check::formats::Reader;
use glomers_check::linear::Linearizability;
use glomers_check::linear::models::{Keyed, Log, Register};
use glomers_check::{History, Mode, Validity, Value, Verdict, check, edn};

/// File, model and validity of each line of a `verdicts.tsv`.
fn verdicts(folder: &Path) -> Vec<(String, String, Validity)> {
    let text = std::fs::read_to_string(folder.join("verdicts.tsv")).expect("recorded verdicts");
    let verdicts = text.lines().map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        (fields[0].to_owned(), fields[1].to_owned(), Validity::from(fields[2] == "true"))
    });
    verdicts.collect()
}

fn read(path: &Path) -> History {
    let file = std::fs::File::open(path).expect("a recorded history");
    Reader::new(std::io::BufReader::new(file))
        .expect("a format")
        .collect::<Result<_, _>>()
        .expect("operations")
}

fn register(initial: Value, mode: Mode) -> Linearizability<Register> {
    Linearizability::new(Register::new(initial, mode))
}

#[test]
fn etcd_logs_have_their_recorded_verdicts() {
    let Some(folder) = support::conformance("porcupine") else { return };
    let mut counted = 0;
    for (file, model, expected) in verdicts(&folder) {
        let history = read(&folder.join(&file));
        let verdict = match model.as_str() {
            "etcd-register" => check(&history, register(Value::Nil, Mode::Strict)),
            "kv-append" => check(&history, Linearizability::new(Keyed::new(Log))),
            other => panic!("{file} has the unknown model {other}"),
        };
        assert_eq!(verdict.validity, expected, "{file}: {}", verdict.results);
        assert_eq!(verdict.findings.is_empty(), expected == Validity::Valid);
        counted += 1;
    }
    println!("{counted} verdicts agree");
}

#[test]
fn knossos_histories_have_their_recorded_verdicts() {
    let Some(folder) = support::conformance("knossos") else { return };
    for (file, model, expected) in verdicts(&folder) {
        assert_eq!(model, "cas-register, initially 0");
        let history = History::read(folder.join(&file)).unwrap();
        let verdict = check(&history, register(Value::from(0), Mode::Compat));
        assert_eq!(verdict.validity, expected, "{file}: {}", verdict.results);
    }
}

#[test]
fn maelstroms_lin_kv_runs_have_upstreams_verdict_per_key() {
    let Some(root) = support::conformance("maelstrom") else { return };
    for run in ["lin-kv-ok-raft", "lin-kv-bad-async", "odd-availability"] {
        let history = History::read(root.join(run).join("history.edn")).unwrap();
        let verdict: Verdict = check(&history, register(Value::Nil, Mode::Compat).by_key());
        let theirs =
            edn::read(&std::fs::read_to_string(root.join(run).join("results.edn")).unwrap()).unwrap();
        let theirs = theirs.get("workload").unwrap();
        let keys = |results: &Value| -> Vec<(Value, Value)> {
            let keys = results.get("results").and_then(Value::as_map).expect("results by key");
            let mut keys: Vec<_> = keys
                .iter()
                .map(|(key, result)| (key.clone(), result.get("valid?").expect("a verdict").clone()))
                .collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(&verdict.results), keys(theirs), "{run}");
        assert_eq!(verdict.results.get("valid?"), theirs.get("valid?"), "{run}");
    }
}

#[test]
fn a_correct_store_passes_the_strict_check_too() {
    let Some(root) = support::conformance("maelstrom") else { return };
    let history = History::read(root.join("lin-kv-ok-raft").join("history.edn")).unwrap();
    let verdict = check(&history, register(Value::Nil, Mode::Strict).by_key());
    assert_eq!(verdict.validity, Validity::Valid, "{:?}", verdict.findings);
}
