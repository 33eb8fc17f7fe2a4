//! A node's log: lines on stderr, since stdout belongs to the protocol.

use std::env;
use std::io;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Sends what is logged through `tracing` to stderr; [`run`](crate::run) does this first.
///
/// The filter comes from `GLOMERS_LOG`, else from `RUST_LOG`, else it is `info`: a level, or `target=level`
/// pairs separated by commas. At `debug`, every line received and sent is logged. Does nothing where the
/// program has a subscriber already. A stderr that is closed is no reason to fail.
pub fn init_logging() {
    let directives = env::var("GLOMERS_LOG").or_else(|_| env::var("RUST_LOG")).unwrap_or_default();
    let (filter, error) = match directives.parse::<Targets>() {
        _ if directives.trim().is_empty() => (info(), None),
        Ok(filter) => (filter, None),
        Err(error) => (info(), Some(error)),
    };
    // Told to, the layer would report its own failed writes with `eprintln!`, which panics when stderr is
    // gone.
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let is_ours = tracing_subscriber::registry().with(lines).with(filter).try_init().is_ok();
    if let Some(error) = error
        && is_ours
    {
        tracing::warn!("the log filter {directives:?} is not understood, so info is used: {error}");
    }
}

fn info() -> Targets {
    Targets::new().with_default(LevelFilter::INFO)
}
