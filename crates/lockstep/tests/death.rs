//! Killing the supervisor kills its programs.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[cfg(test)]
mod support;

use std::process::{Command, Stdio};
use std::{env, fs};

use glomers_lockstep::{Output, Process};
use support::{behaviour, behaviours_with, within_limit};

/// Set for the copy of this test that is to be killed.
const VICTIM: &str = "LOCKSTEP_TEST_VICTIM";

/// Begins to run in a copy of this test, which is killed by its parent: see below.
#[test]
fn a_victim_holds_a_program() {
    let Some(path) = env::var_os(VICTIM) else { return };
    let mut process = Process::start(&behaviour("leaves-children")).unwrap();
    let mut sleeper = Process::start(&behaviour("fork-bomb").variable(VICTIM, &path)).unwrap();
    let mut output = Output::default();
    sleeper.step(0, b"", &mut output).unwrap();
    process.step(0, b"", &mut output).unwrap();
    fs::write(path, "ready").unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn the_death_of_the_supervisor_kills_its_programs() {
    if env::var_os(VICTIM).is_some() {
        return;
    }
    within_limit(|| {
        let directory = tempfile::tempdir().unwrap();
        let ready = directory.path().join("ready");
        let mut victim = Command::new(env::current_exe().unwrap())
            .args(["--exact", "a_victim_holds_a_program"])
            .env(VICTIM, &ready)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while !ready.exists() {
            assert!(victim.try_wait().unwrap().is_none(), "the victim ended by itself");
            std::thread::yield_now();
        }
        let mark = format!("{VICTIM}={}", ready.display());
        assert!(!behaviours_with(&mark).is_empty());
        victim.kill().unwrap();
        victim.wait().unwrap();
        // The kernel kills them at once, and takes a moment to end them.
        while !behaviours_with(&mark).is_empty() {
            std::thread::yield_now();
        }
    });
}
