//! All kinds of hostile nodes on all workloads. A short run takes those that attack processes, streams and logs; with
//! `GLOMERS_HOSTILE=kinds` every kind runs once, with `GLOMERS_HOSTILE=all` on every workload.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Child, Command},
    sync::Mutex,
    thread,
    time::Duration,
};

use crate::support::{Sandbox, eventually_within, program};

const WORKLOADS: [&str; 10] = [
    "broadcast",
    "echo",
    "g-counter",
    "g-set",
    "kafka",
    "lin-kv",
    "pn-counter",
    "txn-list-append",
    "txn-rw-register",
    "unique-ids",
];

/// What runs each time: at least one of each sort, over all workloads.
const SHORT: &[(&str, &str)] = &[
    ("none", "kafka"),
    ("blank-lines", "g-set"),
    ("byte-by-byte", "unique-ids"),
    ("crash-guard", "txn-rw-register"),
    ("daemon-floods-stdout-and-exit", "unique-ids"),
    ("daemon-holds-streams-and-exit", "g-counter"),
    ("daemon-not-dumpable", "kafka"),
    ("daemon-that-stops", "pn-counter"),
    ("daemon-without-environment", "lin-kv"),
    ("daemonize-itself", "echo"),
    ("die-by-real-time-signal", "g-set"),
    ("flood-stderr-with-zeros", "broadcast"),
    ("fork-chain-in-sessions", "txn-list-append"),
    ("fork-tree", "g-set"),
    ("kill-guard-and-survive", "echo"),
    ("log-is-link", "txn-list-append"),
    ("log-is-pipe", "lin-kv"),
    ("log-is-sparse", "g-counter"),
    ("stop-guard-and-exit", "unique-ids"),
    ("stop-guard-for-ever", "kafka"),
    ("stop-its-group", "echo"),
    ("trace-itself", "pn-counter"),
    ("trace-itself-each-time", "broadcast"),
    ("zombies", "txn-rw-register"),
];

/// So many at once: most of the time each waits.
const AT_ONCE: usize = 12;
const TIME_LIMIT_S: f64 = 0.5;
/// Init may take 10 s, a set-up, the last operation and a final one 5 s each: a run that takes longer than this hangs.
const HANG: Duration = Duration::from_secs(60);
const MEMORY_LIMIT_KIB: u64 = 300 << 10;
/// A node's log has a limit of 64 MiB.
const FILES_LIMIT_BYTES: u64 = 128 << 20;
/// Replies of 4 MiB are quoted whole.
const OUTPUT_LIMIT_BYTES: usize = 16 << 20;

#[test]
fn every_kind_ends_in_time_within_its_bounds_and_leaves_nothing() {
    let picks = picks();
    let (count, next, failures) = (picks.len(), Mutex::new(picks.into_iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((kind, workload)) = { next.lock().expect("nobody panics").next() } {
                    let faults = try_out(&kind, workload);
                    let faults = faults.into_iter().map(|fault| format!("{kind} on {workload}: {fault}"));
                    failures.lock().expect("nobody panics").extend(faults);
                }
            });
        }
    });
    let failures = failures.into_inner().expect("nobody panics");
    assert!(failures.is_empty(), "{} of {count} runs failed:\n{}", failures.len(), failures.join("\n"));
    println!("{count} runs, none hung, leaked a process or passed its bounds");
}

fn picks() -> Vec<(String, &'static str)> {
    let kinds = || {
        let list = Command::new(program("hostile")).arg("list").output().expect("the hostile node starts");
        let list = String::from_utf8(list.stdout).expect("names are text");
        list.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    match std::env::var("GLOMERS_HOSTILE").as_deref() {
        Ok("all") => {
            let of_kind = |kind: String| WORKLOADS.map(|workload| (kind.clone(), workload));
            kinds().into_iter().flat_map(of_kind).collect()
        }
        Ok("kinds") => kinds().into_iter().zip(WORKLOADS.into_iter().cycle()).collect(),
        Ok(other) => panic!("GLOMERS_HOSTILE={other:?}; expected \"all\" or \"kinds\""),
        Err(_) => SHORT.iter().map(|(kind, workload)| ((*kind).to_owned(), *workload)).collect(),
    }
}

/// Runs a kind, and returns what it did that no node may achieve.
fn try_out(kind: &str, workload: &str) -> Vec<String> {
    let sandbox = Sandbox::new();
    let hostile = program("hostile");
    let limit = TIME_LIMIT_S.to_string();
    let mut arguments = vec!["test", "-w", workload, "--bin", hostile.to_str().expect("a plain path")];
    arguments.extend(["--node-count", "1", "--time-limit", &limit, "--recovery-time", "0", "--rate", "30"]);
    arguments.extend(["--seed", "7", "--log-stderr", "--", kind, workload]);
    // Files, because nobody reads a pipe while the run goes on.
    let (out, err) = (sandbox.path().join("out"), sandbox.path().join("err"));
    let mut command = sandbox.glomers(&arguments);
    command.stdout(File::create(&out).expect("writable")).stderr(File::create(&err).expect("writable"));
    let (code, peak_kib) = watch(command.spawn().expect("the workbench starts"));
    let read =
        |path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).expect("it was made");
    let (out, err) = (read(out), read(err));
    let mut faults = Vec::new();
    match code {
        None => faults.push(format!("it took longer than {HANG:?}\n{out}\n{err}")),
        Some(0..=2) => {}
        Some(code) => faults.push(format!("it ended with {code}\n{err}")),
    }
    if let Some(left) = sandbox.what_is_left() {
        faults.push(format!("processes are left: {left}"));
    }
    if peak_kib > MEMORY_LIMIT_KIB {
        faults.push(format!("the workbench grew to {peak_kib} KiB"));
    }
    let output_bytes = out.len() + err.len();
    if output_bytes > OUTPUT_LIMIT_BYTES {
        faults.push(format!("{output_bytes} bytes were printed"));
    }
    if out.contains('\u{1b}') || err.contains('\u{1b}') {
        faults.push("an escape sequence reached the terminal".to_owned());
    }
    let file_bytes = size_on_disk(&sandbox.store());
    if file_bytes > FILES_LIMIT_BYTES {
        faults.push(format!("its files take {file_bytes} bytes"));
    }
    faults
}

/// Waits for the end of the workbench. Returns its exit status, unless it hangs, and how much memory it took at most.
fn watch(mut child: Child) -> (Option<i32>, u64) {
    let status_file = format!("/proc/{}/status", child.id());
    let (mut peak_kib, mut code) = (0, None);
    let has_ended = eventually_within(HANG, || {
        let text = fs::read_to_string(&status_file).unwrap_or_default();
        let peak = text
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak_kib = peak_kib.max(peak.unwrap_or(0));
        let status = child.try_wait().expect("it is our child");
        code = status.map(|status| status.code().unwrap_or(-1));
        status.is_some()
    });
    if !has_ended {
        child.kill().and_then(|()| child.wait()).expect("it is our child");
    }
    (code, peak_kib)
}

fn size_on_disk(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size_on_disk(&entry.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    });
    sizes.sum()
}
