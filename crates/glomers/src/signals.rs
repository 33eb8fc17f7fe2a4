//! Ctrl-C and its like: the first asks for an orderly end, the second ends at once.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicUsize},
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

static SIGNAL: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Starts to watch for signals, once for the whole process, and returns where the number of the first one appears (0 until then). It
/// stays there: one that comes between two runs ends the next before it begins.
///
/// On a second signal the process exits at once with 128 and the signal's number; the nodes die with it.
pub(crate) fn watch() -> &'static AtomicUsize {
    SIGNAL.get_or_init(|| {
        let number = Arc::new(AtomicUsize::new(0));
        let is_second = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // The order matters: the first signal passes this line and only then arms it.
            let registered =
                flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&is_second))
                    .and_then(|_| flag::register(signal, Arc::clone(&is_second)))
                    .and_then(|_| flag::register_usize(signal, Arc::clone(&number), signal as usize));
            registered.expect("these three signals can be caught");
        }
        number
    })
}
