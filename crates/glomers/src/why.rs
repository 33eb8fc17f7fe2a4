//! Why a run failed: the trails of its findings, read from its directory.

use std::{cell::RefCell, io, path::Path, rc::Rc};

use glomers_check::{Finding, Value};
use glomers_workbench::trail::Trail;
use glomers_world::journal::{JournalReader, Record};

use crate::run_directory::{files, reading};

/// How many trails are made for one finding that names operations.
const MAX_OPERATIONS: usize = 3;

/// The trail of a value.
pub(crate) fn value(directory: &Path, value: &Value) -> io::Result<Trail> {
    let json = serde_json::from_str(&value.to_json()).map_err(io::Error::from)?;
    let journal = Journal::open(directory)?;
    let trail = Trail::of_value(journal.records, &json);
    Ok(with_damage(trail, &journal.damage))
}

/// The trail of an operation; none if the run has no such operation.
pub(crate) fn operation(directory: &Path, index: u64) -> io::Result<Option<Trail>> {
    let journal = Journal::open(directory)?;
    let trail = Trail::of_operation(journal.records, index);
    Ok(trail.map(|trail| with_damage(trail, &journal.damage)))
}

/// The trails of what a finding speaks of.
pub(crate) fn finding(directory: &Path, finding: &Finding) -> io::Result<Vec<Trail>> {
    if let Some(subject) = &finding.subject {
        return Ok(vec![value(directory, subject)?]);
    }
    let trails = finding.operations.iter().take(MAX_OPERATIONS).map(|index| operation(directory, *index));
    trails.filter_map(Result::transpose).collect()
}

/// The journal of a run, as far as it is whole.
struct Journal<R> {
    records: R,
    /// Where it stopped, if it could not be read to its end.
    damage: Rc<RefCell<Option<String>>>,
}

impl Journal<()> {
    fn open(directory: &Path) -> io::Result<Journal<impl Iterator<Item = Record>>> {
        let file = reading::open_regular(&directory.join(files::JOURNAL))?;
        let damage: Rc<RefCell<Option<String>>> = Rc::default();
        let told = Rc::clone(&damage);
        let records = JournalReader::new(io::BufReader::new(file)).map_while(move |record| {
            record.map_err(|error| *told.borrow_mut() = Some(error.to_string())).ok()
        });
        Ok(Journal { records, damage })
    }
}

/// A trail from a damaged journal says so: what came later is not known.
fn with_damage(mut trail: Trail, damage: &RefCell<Option<String>>) -> Trail {
    if let Some(damage) = damage.borrow().as_ref() {
        trail.conclusions.push(format!("This is what is known until there: {damage}."));
    }
    trail
}
