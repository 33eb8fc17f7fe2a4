//! Why a run failed: the trails of its findings, read from its directory.

use std::{io, path::Path};

use glomers_check::{Finding, Value};
use glomers_workbench::trail::Trail;
use glomers_world::journal::JournalReader;

use crate::run_directory::{files, reading};

/// How many trails are made for one finding that names operations.
const MAX_OPERATIONS: usize = 3;

/// The trail of a value.
pub(crate) fn value(directory: &Path, value: &Value) -> io::Result<Trail> {
    let json = serde_json::from_str(&value.to_json()).map_err(io::Error::from)?;
    Ok(Trail::of_value(records(directory)?, &json))
}

/// The trail of an operation; none if the run has no such operation.
pub(crate) fn operation(directory: &Path, index: u64) -> io::Result<Option<Trail>> {
    Ok(Trail::of_operation(records(directory)?, index))
}

/// The trails of what a finding speaks of.
pub(crate) fn finding(directory: &Path, finding: &Finding) -> io::Result<Vec<Trail>> {
    if let Some(subject) = &finding.subject {
        return Ok(vec![value(directory, subject)?]);
    }
    let trails = finding.operations.iter().take(MAX_OPERATIONS).map(|index| operation(directory, *index));
    trails.filter_map(Result::transpose).collect()
}

/// The records of a run's journal, as far as it is whole.
fn records(directory: &Path) -> io::Result<impl Iterator<Item = glomers_world::journal::Record>> {
    let file = reading::open_regular(&directory.join(files::JOURNAL))?;
    Ok(JournalReader::new(io::BufReader::new(file)).map_while(Result::ok))
}
