//! Ctrl-C and SIGTERM: the first asks for an orderly end, the second ends the process at once.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize},
    },
};

use glomers_world::WakeHandle;
use signal_hook::{
    SigId,
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag, low_level,
};

const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

static SIGNAL: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Starts to watch for signals, once for the whole process, and returns where the number of the first one appears (0 until then). It
/// stays there: one that comes between two runs ends the next before it begins.
///
/// On a second signal the process exits at once with 128 and the signal's number; the nodes die with it.
pub(crate) fn watch() -> &'static AtomicUsize {
    SIGNAL.get_or_init(|| {
        let number = Arc::new(AtomicUsize::new(0));
        let is_second = Arc::new(AtomicBool::new(false));
        for signal in SIGNALS {
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

/// Has a signal end the world's wait, until this is dropped: one that came just before the wait would be noticed after it only.
pub(crate) struct Wake(Vec<SigId>);

impl Wake {
    /// Call [`watch`] first, so that the signal's number is known when the wait ends.
    pub(crate) fn on_signal(handle: &WakeHandle) -> io::Result<Self> {
        let mut wake = Self(Vec::new());
        for signal in SIGNALS {
            wake.0.push(low_level::pipe::register(signal, handle.to_descriptor()?)?);
        }
        Ok(wake)
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        for id in self.0.drain(..) {
            low_level::unregister(id);
        }
    }
}
