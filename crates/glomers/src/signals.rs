//! Ctrl-C and SIGTERM: the first asks for an orderly end, the second ends the process at once.

use std::{
    io,
    sync::{Arc, OnceLock, atomic::AtomicUsize},
    thread,
    time::Duration,
};

use glomers_world::WakeHandle;
use signal_hook::{
    SigId,
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
    iterator::Signals,
    low_level,
};

use crate::clock::Stopwatch;

const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Signals that come closer together are one: `timeout` and some CI servers send each to the process and to its group.
const SAME_SIGNAL: Duration = Duration::from_millis(250);

static SIGNAL: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Starts to watch for signals, once for the whole process, and returns where the number of the first one appears (0 until then). It
/// stays there: one that comes between two runs ends the next before it begins.
///
/// On a second signal the process exits at once with 128 and the signal's number; the nodes die with it.
pub(crate) fn watch() -> &'static AtomicUsize {
    SIGNAL.get_or_init(|| {
        let number = Arc::new(AtomicUsize::new(0));
        for signal in SIGNALS {
            flag::register_usize(signal, Arc::clone(&number), signal as usize)
                .expect("these three signals can be caught");
        }
        let signals = Signals::new(SIGNALS).expect("these three signals can be caught");
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || exit_on_second(signals))
            .expect("a thread can be started");
        number
    })
}

/// Waits for the first signal, and for one that is a second.
fn exit_on_second(mut signals: Signals) {
    let mut first = None;
    for signal in signals.forever() {
        if first.get_or_insert_with(Stopwatch::start).elapsed() >= SAME_SIGNAL {
            low_level::exit(128 + signal);
        }
    }
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
