//! The seccomp filter: the trapped calls stop the thread, all others run in the kernel at full speed.

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use super::arch;

/// The filter as a program of the kernel's, to be installed between fork and exec.
///
/// A call of another instruction set (`int 0x80`, a 32-bit program) kills the process with SIGSYS, which is then reported in words:
/// its numbers mean other calls, so the filter could be passed by.
pub(crate) fn compile() -> BpfProgram {
    let rules = arch::TRAPPED.iter().map(|&(number, _)| (number, Vec::new())).collect::<BTreeMap<_, _>>();
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Trace(0), arch::SECCOMP_ARCHITECTURE);
    filter.and_then(BpfProgram::try_from).expect("a filter of unconditional rules always compiles")
}
