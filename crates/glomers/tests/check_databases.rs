//! Histories in which others found bugs of databases, each at the level that its finders claim, and at the next weaker one.
//!
//! They are not part of the repository. The test reads `databases` in the folder of recorded verdicts, with files by these
//! names:
//!
//! | file | from |
//! |---|---|
//! | `isovista-pg_ser_bug.txt`, `isovista-dgraph_si.txt`, `isovista-yugabyte_tcc.txt` | `history/bugs` of hengxin/IsoVista |
//! | `polysi-galera.txt`, `polysi-yugabyte.txt` | `artifact/PolySIHistories/violations` of hengxin/PolySI-PVLDB2023-Artifacts |

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../../../tests/requirements.rs"]
mod requirements;
#[expect(dead_code, reason = "each of the test programs uses a part of it")]
mod support;

use std::{fs, path::Path, process::Command};

use support::Ended;

/// The file, what is known of it, a level that holds, and the level that does not.
const BUGS: [(&str, &[&str], &str, &str); 5] = [
    ("isovista-pg_ser_bug.txt", &["--initial-transaction"], "snapshot-isolation", "serializable"),
    ("isovista-dgraph_si.txt", &["--initial-transaction"], "read-atomic", "snapshot-isolation"),
    ("isovista-yugabyte_tcc.txt", &["--initial-transaction"], "read-atomic", "causal"),
    ("polysi-galera.txt", &[], "causal", "strong-session-snapshot-isolation"),
    ("polysi-yugabyte.txt", &[], "read-atomic", "strong-session-snapshot-isolation"),
];

fn check(file: &Path, options: &[&str], level: &str) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glomers"));
    command.arg("check").arg(file).args(options);
    // The weak levels have checkers of their own, which decide them exactly.
    match level {
        "read-atomic" | "causal" => command.args(["--checker", level]),
        model => command.args(["--checker", "rw-register", "--consistency-models", model]),
    };
    Ended::from(command.output().expect("the workbench starts"))
}

#[test]
fn bugs_of_databases_are_found_at_the_level_that_was_claimed() {
    let Some(folder) = requirements::recorded_verdicts("databases") else { return };
    for (name, options, holds, broken) in BUGS {
        check(&folder.join(name), options, holds).expect_code(0);
        check(&folder.join(name), options, broken).expect_code(1);
    }
}

/// Two transactions that each read what the other writes, after one that writes the initial values.
const WRITE_SKEW: &str = "w(1,7,0,0)\nw(2,8,0,0)\nr(1,7,1,1)\nw(2,9,1,1)\nr(2,8,2,2)\nw(1,9,2,2)\n";

#[test]
fn the_first_transaction_may_write_the_initial_values() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let path = directory.path().join("history.txt");
    fs::write(&path, WRITE_SKEW).expect("writable");
    check(&path, &["--initial-transaction"], "snapshot-isolation").expect_code(0);
    check(&path, &["--initial-transaction"], "serializable").expect_code(1).expect_said(&["G2-item"]);

    for (text, reason) in [
        ("r(1,0,0,0)\nw(1,2,1,1)\n", "does not only write values"),
        ("w(1,2,0,0)\nw(1,3,0,0)\nr(1,3,1,1)\n", "writes key 1 twice"),
        ("w(1,2,0,0)\nw(1,2,1,1)\n", "writes 2 to key 1 again"),
    ] {
        fs::write(&path, text).expect("writable");
        check(&path, &["--initial-transaction"], "serializable").expect_code(2).expect_said(&[reason]);
    }
}
