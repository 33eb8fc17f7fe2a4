//! What to run, and what it is to believe about the machine.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// A program to run in lock step, with everything that decides what it sees of time and chance.
///
/// Two processes started from equal values, in equal directories with equal files, and stepped alike, see the same.
#[derive(Debug, Clone)]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    expect(dead_code, reason = "only supervision reads the fields")
)]
pub struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) inherits_environment: bool,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) seed: u64,
    pub(crate) unix_time_ns: u64,
    pub(crate) cpu_count: usize,
    pub(crate) cpu: Option<usize>,
    pub(crate) hides_counter: bool,
    pub(crate) budget: Duration,
    pub(crate) output_limit: usize,
}

impl Program {
    /// A program by its path. A path with a slash is taken from the present directory; a bare name is looked up in `PATH`.
    pub fn new(path: impl Into<PathBuf>) -> Program {
        Program {
            path: path.into(),
            arguments: Vec::new(),
            directory: None,
            inherits_environment: true,
            environment: Vec::new(),
            seed: 0,
            // 2026-01-01T00:00:00Z.
            unix_time_ns: 1_767_225_600_000_000_000,
            cpu_count: 4,
            cpu: None,
            hides_counter: false,
            budget: Duration::from_secs(10),
            output_limit: 64 << 20,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Program {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn arguments<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Program {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// The directory in which it runs; by default the present one.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Program {
        self.directory = Some(directory.into());
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Program {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts with an empty environment instead of a copy of this process's.
    #[must_use]
    pub fn clear_environment(mut self) -> Program {
        self.inherits_environment = false;
        self
    }

    /// Where its random numbers, its process ids and the order of its threads come from. 0 by default.
    ///
    /// Programs that stand for different machines should have different seeds, or they will draw equal random numbers.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Program {
        self.seed = seed;
        self
    }

    /// The time of day when virtual time is 0, in nanoseconds since 1970. The first second of 2026 by default.
    #[must_use]
    pub fn unix_time_ns(mut self, unix_time_ns: u64) -> Program {
        self.unix_time_ns = unix_time_ns;
        self
    }

    /// The time of day that the program sees when virtual time is 0, in nanoseconds since 1970.
    pub fn unix_start_ns(&self) -> u64 {
        self.unix_time_ns
    }

    /// How many CPUs the program is told it has; runtimes size their thread pools by it. 4 by default, at least 1.
    ///
    /// However many there are, one of its threads runs at a time.
    #[must_use]
    pub fn cpu_count(mut self, cpu_count: usize) -> Program {
        self.cpu_count = cpu_count.max(1);
        self
    }

    /// Binds the program to one CPU of this machine, which makes it faster where the supervising thread is bound to the same one (see
    /// [`bind_this_thread`](crate::bind_this_thread)). Not bound by default. The program cannot tell.
    #[must_use]
    pub fn cpu(mut self, cpu: usize) -> Program {
        self.cpu = Some(cpu);
        self
    }

    /// Has the processor's time-stamp counter (the instruction RDTSC) follow virtual time too. Off by default.
    ///
    /// Hardly a program reads it, since the system's clocks are as good. Those that do see the real counter unless this is on. It is not on by
    /// default because it makes each switch between program and supervisor dearer: little on bare metal, but twice as dear on virtual
    /// machines where the hypervisor is asked each time.
    #[must_use]
    pub fn virtual_counter(mut self, is_virtual: bool) -> Program {
        self.hides_counter = is_virtual;
        self
    }

    /// How much real time one step may take before it is an error. 10 s by default.
    #[must_use]
    pub fn budget(mut self, budget: Duration) -> Program {
        self.budget = budget;
        self
    }

    /// How many bytes the program may print in one step before it is an error. 64 MiB by default.
    #[must_use]
    pub fn output_limit(mut self, bytes: usize) -> Program {
        self.output_limit = bytes;
        self
    }
}
