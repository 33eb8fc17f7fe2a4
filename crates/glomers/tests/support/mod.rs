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
        assert!(
            eventually(|| self.marked_processes().is_empty()),
            "processes are left: {:?}",
            self.marked_processes()
        );
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

/// Waits until something holds, for at most ten seconds.
#[expect(clippy::disallowed_methods, reason = "other processes tell nobody when they are gone")]
pub(crate) fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    for _ in 0..1000 {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
