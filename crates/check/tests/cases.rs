//! Small histories with their verdicts, each through the registry, as the command line builds checkers.

use std::path::Path;

use glomers_check::registry::{self, CheckOptions};
use glomers_check::{Checker, History, edn};

#[test]
fn every_case_has_its_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let table = std::fs::read_to_string(folder.join("verdicts.tsv")).expect("the table");
    let mut wrong = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let [file, checker, models, initial, expected, why] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("six columns in {line:?}")
        };
        let mut options = CheckOptions::default();
        if models != "-" {
            options.models = models.split(',').map(|model| model.parse().expect("a model")).collect();
        }
        if initial != "-" {
            options.initial = edn::read(initial).expect("EDN");
        }
        let entry = registry::find(checker).unwrap_or_else(|| panic!("no checker {checker}"));
        let mut checker = Box::new(entry.build(&options));
        let history = History::read(folder.join(file)).expect("a history");
        history.operations().iter().for_each(|operation| checker.observe(operation));
        let verdict = checker.finish();
        if verdict.validity.to_string() != expected {
            wrong.push(format!("{file} is {expected} ({why}), but: {}", verdict.results));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
