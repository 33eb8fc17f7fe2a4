//! The one place where the workbench asks what time of day it is.

use jiff::Timestamp;

/// Now, for the name of a run's directory and the dates in its log.
#[expect(clippy::disallowed_methods, reason = "this file is where the time of day is asked for")]
pub(crate) fn time_of_day() -> Timestamp {
    Timestamp::now()
}
