//! A guard that comes late: the node has ended before its guard listens for that.

use std::{fs, os::unix::fs::PermissionsExt, process::Command, time::Duration};

use crate::{
    requirements::is_installed,
    support::{Sandbox, eventually_within},
};

/// strace delays what the guard does first after it has started the node, by far more than a program takes that can't be run.
#[test]
fn a_program_that_cannot_run_is_named_though_its_guard_comes_late() {
    if !is_installed("strace", "--version") {
        return;
    }
    let sandbox = Sandbox::new();
    let program = sandbox.path().join("orphan");
    fs::write(&program, "#!/no/such/interpreter\n").expect("the file can be written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("the mode can be set");
    let program = program.display().to_string();
    let glomers = sandbox.glomers(&["test", "-w", "echo", "--bin", &program, "--time-limit", "1"]);
    let mut late = Command::new("strace");
    late.args([
        "-f",
        "-o",
        "/dev/null",
        "-e",
        "trace=rt_sigaction",
        "-e",
        "inject=rt_sigaction:delay_enter=50ms",
    ])
    .arg(glomers.get_program())
    .args(glomers.get_args())
    .envs(glomers.get_envs().filter_map(|(name, value)| Some((name, value?))))
    .current_dir(sandbox.path())
    .stdout(std::process::Stdio::piped())
    .stderr(std::process::Stdio::piped());
    let mut child = late.spawn().expect("strace starts");
    let has_ended =
        eventually_within(Duration::from_secs(60), || child.try_wait().is_ok_and(|status| status.is_some()));
    if !has_ended {
        for process in sandbox.marked_processes() {
            let _ = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(process),
                nix::sys::signal::Signal::SIGKILL,
            );
        }
    }
    let ended = sandbox.wait(child);
    assert!(has_ended, "the workbench waits for a guard that waits for nothing");
    if ended.stderr.contains("ptrace") {
        crate::requirements::skip("strace may not trace on this machine");
        return;
    }
    ended.expect_code(254);
    assert!(ended.stderr.contains("\"/no/such/interpreter\", does not; is it installed"), "{}", ended.stderr);
}
