//! Why a run failed: the trails of its findings, read from its directory.

use std::{
    cell::RefCell,
    fs::File,
    io::{self, Seek},
    path::Path,
};

use glomers_check::{Finding, Value};
use glomers_workbench::trail::Trail;
use glomers_world::journal::{JournalReader, Record};

use crate::run_directory::{files, reading};

/// The trail of a value.
pub(crate) fn value(directory: &Path, value: &Value) -> io::Result<Trail> {
    let journal = Journal::open(directory)?;
    Ok(journal.with_damage(Trail::of_value(journal.records(), value)))
}

/// The trail of an operation; none if the run has no such operation.
pub(crate) fn operation(directory: &Path, index: u64) -> io::Result<Option<Trail>> {
    let journal = Journal::open(directory)?;
    Ok(Trail::of_operation(|| journal.records(), index).map(|trail| journal.with_damage(trail)))
}

/// The trail of what a finding speaks of; none if it names nothing that is in the journal.
pub(crate) fn finding(directory: &Path, finding: &Finding) -> io::Result<Option<Trail>> {
    let journal = Journal::open(directory)?;
    Ok(Trail::of_finding(|| journal.records(), finding).map(|trail| journal.with_damage(trail)))
}

/// The journal of a run, as far as it is whole.
pub(crate) struct Journal {
    file: File,
    /// Where it stopped, if it could not be read to its end.
    damage: RefCell<Option<String>>,
}

impl Journal {
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let file = reading::open_regular(&directory.join(files::JOURNAL))?;
        Ok(Self { file, damage: RefCell::default() })
    }

    /// Its records from the first. Nobody else may read it meanwhile: the readers share the file's position.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record> + '_ {
        let rewound = (&self.file).rewind();
        self.damage.replace(rewound.err().map(|error| error.to_string()));
        JournalReader::new(io::BufReader::new(&self.file))
            .map_while(|record| record.map_err(|error| self.damage.replace(Some(error.to_string()))).ok())
    }

    /// A trail from a damaged journal says so: what came later is not known.
    fn with_damage(&self, mut trail: Trail) -> Trail {
        if let Some(damage) = self.damage.borrow().as_ref() {
            trail.conclusions.push(format!("This is what is known until there: {damage}."));
        }
        trail
    }
}
