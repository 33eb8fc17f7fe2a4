//! What the tests of real processes share: programs to run, a scratch store, and the certainty that nothing is left behind.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The program of a package of this workspace, built as the tests are and into the same directory.
pub(crate) fn program(package: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let glomers = Path::new(env!("CARGO_BIN_EXE_glomers"));
    BUILT.get_or_init(|| {
        if std::env::var_os("GLOMERS_NODES_ARE_BUILT").is_some() {
            return;
        }
        let profile = glomers.parent().expect("a program lies in a directory");
        let target = profile.parent().expect("a profile's directory lies in the target directory");
        // Cargo builds the programs of other packages only on demand.
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            "echo",
            "--package",
            "hostile",
            "--target-dir",
        ]);
        build.arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let status = build.status().expect("cargo runs");
        assert!(status.success(), "the nodes that the tests need could not be built");
    });
    glomers.with_file_name(package)
}

/// One use of `glomers` in a scratch directory.
pub(crate) struct Sandbox {
    scratch: tempfile::TempDir,
    mark: String,
}

/// What came of it.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // Whatever outlives a workbench becomes a child of this program, whatever it has done to hide.
        nix::sys::prctl::set_child_subreaper(true).expect("Linux has this");
        let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self { scratch: tempfile::tempdir().expect("a scratch directory"), mark }
    }

    pub(crate) fn path(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path().join("store")
    }

    /// The directory of the last run that began.
    pub(crate) fn run_directory(&self) -> PathBuf {
        self.store().join("current")
    }

    pub(crate) fn read(&self, file: &str) -> String {
        let path = self.run_directory().join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{} can't be read: {error}", path.display()))
    }

    /// `glomers`, whose processes and theirs all carry this sandbox's mark.
    pub(crate) fn glomers(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_glomers"));
        command.args(arguments).current_dir(self.path()).env("GLOMERS_TEST_MARK", &self.mark);
        command.env_remove("GLOMERS_LOG").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// `glomers test -w echo` on the hostile node with a misdeed, for a second.
    pub(crate) fn hostile(&self, misdeed: &str, options: &[&str]) -> Command {
        let hostile = program("hostile");
        let mut arguments = vec!["test", "-w", "echo", "--bin", hostile.to_str().expect("a plain path")];
        arguments.extend(["--node-count", "1", "--time-limit", "1", "--rate", "20", "--seed", "7"]);
        arguments.extend(options);
        arguments.extend(["--", misdeed]);
        self.glomers(&arguments)
    }

    /// Runs a command to its end, and makes sure that it left no process behind.
    pub(crate) fn run(&self, mut command: Command) -> Ended {
        let output = command.output().expect("the workbench starts");
        self.assert_nothing_left();
        Ended::from(output)
    }

    /// Waits for a started command's end, and makes sure that it left no process behind.
    pub(crate) fn wait(&self, child: Child) -> Ended {
        let output = child.wait_with_output().expect("the workbench ends");
        self.assert_nothing_left();
        Ended::from(output)
    }

    /// The processes that carry this sandbox's mark.
    pub(crate) fn marked_processes(&self) -> Vec<i32> {
        let mark = format!("GLOMERS_TEST_MARK={}", self.mark);
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
        let carries_mark = |process: &i32| {
            let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        };
        numbers.filter(carries_mark).collect()
    }

    pub(crate) fn assert_nothing_left(&self) {
        if let Some(left) = self.what_is_left() {
            panic!("processes are left: {left}");
        }
    }

    /// The processes that are left after ten seconds, each with its command line: those that carry this sandbox's mark, and those
    /// that have lost it and their parents.
    pub(crate) fn what_is_left(&self) -> Option<String> {
        let mut left = Vec::new();
        let is_clean = eventually(|| {
            left = self.marked_processes();
            left.extend(adopted_processes());
            left.is_empty()
        });
        let command_line = |process: &i32| {
            let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            format!("{process} ({})", String::from_utf8_lossy(&line).replace('\0', " "))
        };
        (!is_clean).then(|| left.iter().map(command_line).collect::<Vec<_>>().join(", "))
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().or_else(|| output.status.signal().map(|signal| -signal)),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    /// Asserts the exit status, and shows everything if it is another.
    #[track_caller]
    pub(crate) fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that stdout says something.
    #[track_caller]
    pub(crate) fn expect_said(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(
                self.stdout.contains(word),
                "{word:?} is not in\n{}\n--- stderr\n{}",
                self.stdout,
                self.stderr
            );
        }
        self
    }
}

/// The children of this program that it did not start: nodes have sessions of their own, and so has whatever they start. Collects
/// those that have ended.
fn adopted_processes() -> Vec<i32> {
    use nix::{
        sys::wait::{WaitPidFlag, waitpid},
        unistd::{Pid, getsid},
    };
    let own_session = getsid(None);
    let threads = fs::read_dir("/proc/self/task").expect("Linux has this").flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<i32> = lists
        .flat_map(|list| list.split_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<_>>())
        .collect();
    let is_adopted =
        |child: &i32| getsid(Some(Pid::from_raw(*child))).is_ok_and(|session| Ok(session) != own_session);
    let adopted = children.into_iter().filter(is_adopted);
    // One that has ended is not left; waiting for it takes it off the list.
    adopted
        .filter(|child| {
            let ended = waitpid(Pid::from_raw(*child), Some(WaitPidFlag::WNOHANG));
            matches!(ended, Ok(nix::sys::wait::WaitStatus::StillAlive))
        })
        .collect()
}

/// Waits until something holds, for at most ten seconds.
pub(crate) fn eventually(holds: impl FnMut() -> bool) -> bool {
    eventually_within(Duration::from_secs(10), holds)
}

/// Waits until something holds, for at most so long.
#[expect(clippy::disallowed_methods, reason = "other processes tell nobody when they are gone")]
pub(crate) fn eventually_within(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = std::time::Instant::now() + limit;
    while std::time::Instant::now() < end {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    holds()
}
