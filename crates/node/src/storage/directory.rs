//! Files in a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::StorageError;

#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    is_made: bool,
    /// The files that were appended to, open.
    open: BTreeMap<String, File>,
    /// Those of them that were appended to since the last sync.
    unsynced: BTreeSet<String>,
    /// Whether a file was made or renamed since the last sync.
    is_changed: bool,
}

impl Directory {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, is_made: false, open: BTreeMap::new(), unsynced: BTreeSet::new(), is_changed: false }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn read(&mut self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.make()?;
        if !self.open.contains_key(name) {
            let file = OpenOptions::new().create(true).append(true).open(self.path.join(name))?;
            self.open.insert(name.to_owned(), file);
            self.is_changed = true;
        }
        self.unsynced.insert(name.to_owned());
        match self.open.get_mut(name) {
            Some(file) => file.write_all(bytes),
            None => Ok(()),
        }
    }

    /// Writes a file beside the old one and renames it: a rename is atomic. The new file is synced before, since some file systems rename
    /// first and write later.
    pub(super) fn replace(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.make()?;
        // No name of the caller's begins with a dot.
        let new = self.path.join(format!(".{name}.new"));
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(&new, self.path.join(name))?;
        self.open.remove(name);
        self.unsynced.remove(name);
        self.is_changed = true;
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<(), StorageError> {
        for name in std::mem::take(&mut self.unsynced) {
            if let Some(file) = self.open.get(&name) {
                file.sync_data().map_err(|error| StorageError::new("sync", &name, error))?;
            }
        }
        if std::mem::take(&mut self.is_changed) {
            let synced = File::open(&self.path).and_then(|directory| directory.sync_all());
            synced.map_err(|error| StorageError::new("sync", &self.path.to_string_lossy(), error))?;
        }
        Ok(())
    }

    fn make(&mut self) -> io::Result<()> {
        if !self.is_made {
            fs::create_dir_all(&self.path)?;
            self.is_made = true;
        }
        Ok(())
    }
}
