//! A process that outlives the workbench for a moment, to kill what it leaves behind.
//!
//! A killed workbench runs no code of its own. So a shell stands by, in a process group of its own, and reads a pipe that only the
//! workbench holds. When the pipe ends without a word of dismissal, it kills the process groups of all nodes, and, where there is a
//! `/proc`, every process that carries the world's mark in its environment.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Reads `watch GROUP`, `forget GROUP` and `dismiss` from stdin. Its argument is the world's mark.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
groups=' '
while read -r verb group; do
    case $verb in
        watch) groups="$groups$group " ;;
        forget)
            kept=' '
            for other in $groups; do
                [ "$other" = "$group" ] || kept="$kept$other "
            done
            groups=$kept ;;
        dismiss) exit 0 ;;
    esac
done
for group in $groups; do
    kill -s KILL -- "-$group"
done
# A process may fork while the others are being killed: look again until none is found.
for round in 1 2 3 4 5 6 7 8 9 10; do
    found=
    for environment in $(grep -alsF -- "$1" /proc/[0-9]*/environ); do
        process=${environment#/proc/}
        kill -s KILL -- "${process%/environ}" && found=yes
    done
    [ "$found" ] || exit 0
done
"#;

/// The guardian and the pipe that keeps it waiting.
#[derive(Debug)]
pub(crate) struct Guardian {
    shell: Child,
}

impl Guardian {
    pub(crate) fn start(mark: &str) -> io::Result<Self> {
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "glomers-guardian", mark])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { shell })
    }

    pub(crate) fn watch(&mut self, group: u32) {
        self.tell(format_args!("watch {group}\n"));
    }

    pub(crate) fn forget(&mut self, group: u32) {
        self.tell(format_args!("forget {group}\n"));
    }

    fn tell(&mut self, words: std::fmt::Arguments<'_>) {
        // One write, so that the guardian never acts on half a line. Without a guardian a run is less safe, but goes on.
        let told = self.shell.stdin.as_mut().map(|pipe| pipe.write_all(words.to_string().as_bytes()));
        if let Some(Err(error)) = told {
            tracing::warn!("the guardian is gone ({error}): nodes may outlive a killed workbench");
            self.shell.stdin = None;
        }
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        self.tell(format_args!("dismiss\n"));
        self.shell.stdin = None;
        // It exits at once; this only collects its status.
        let _ = self.shell.wait();
    }
}
