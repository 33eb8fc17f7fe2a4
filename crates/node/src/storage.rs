//! A node's durable storage: named files that survive a kill.
//!
//! The driver keeps them in a directory, a simulation in memory, so that a test can let the disk lose what was not synced.

mod directory;
mod memory;

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use thiserror::Error;

use crate::Random;
use directory::Directory;
use memory::Memory;

/// Named files that survive a kill of the node. Cheap to clone; all clones are the same files.
///
/// What was written can be read at once, but only [`sync`](Self::sync) makes it durable: a machine that fails, or a simulated kill with
/// [`CrashLoss::Unsynced`], takes the rest. Write first, sync, and only then tell anybody.
///
/// ```
/// use glomers_node::Storage;
///
/// let storage = Storage::in_memory();
/// storage.append("log", b"first\n")?;
/// storage.append("log", b"second\n")?;
/// storage.replace("term", b"7")?;
/// storage.sync()?;
/// assert_eq!(storage.read("log")?.as_deref(), Some(&b"first\nsecond\n"[..]));
/// assert_eq!(storage.read("vote")?, None);
/// # Ok::<(), glomers_node::StorageError>(())
/// ```
///
/// A write costs a system call, a sync what the disk takes, some milliseconds; the node handles nothing else meanwhile. In memory all are
/// free.
#[derive(Clone)]
pub struct Storage {
    backend: Rc<RefCell<Backend>>,
}

enum Backend {
    Memory(Memory),
    Directory(Directory),
}

/// What a crash takes from a storage in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CrashLoss {
    /// Nothing, as when a process is killed and the machine goes on.
    #[default]
    Nothing,
    /// All that was not synced, as when a machine loses power.
    Unsynced,
    /// Of what was not synced, for each file, all after some point, which may lie within an append.
    Torn,
    /// Everything, as when the disk is replaced.
    Everything,
}

/// Why a file could not be read or written.
#[derive(Debug, Error)]
#[error("storage: can't {action} {name:?}: {source}")]
pub struct StorageError {
    action: &'static str,
    name: String,
    source: io::Error,
}

impl StorageError {
    fn new(action: &'static str, name: &str, source: io::Error) -> Self {
        Self { action, name: name.to_owned(), source }
    }

    /// What the system says.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

impl Storage {
    /// Files in memory, which last as long as a clone of this value does.
    pub fn in_memory() -> Self {
        Self::of(Backend::Memory(Memory::default()))
    }

    /// Files in a directory. It is made when it is first used.
    pub fn in_directory(path: impl Into<PathBuf>) -> Self {
        Self::of(Backend::Directory(Directory::new(path.into())))
    }

    /// A file's contents, synced or not; `None` where there is no such file.
    ///
    /// # Errors
    /// Where the system refuses. A name is made of ASCII letters, digits, `-`, `_` and `.`, and does not begin with a dot.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
        self.on(name, "read", |memory| Ok(memory.read(name)), |directory| directory.read(name))
    }

    /// Writes at the end of a file, which is made if it is not there.
    ///
    /// # Errors
    /// Where the system refuses, as on a full disk; part of it may have been written then. And for names, as with [`read`](Self::read).
    pub fn append(&self, name: &str, bytes: &[u8]) -> Result<(), StorageError> {
        self.on(
            name,
            "append to",
            |memory| {
                memory.append(name, bytes);
                Ok(())
            },
            |directory| directory.append(name, bytes),
        )
    }

    /// Gives a file new contents. It has the old or the new ones, never a part: whatever happens.
    ///
    /// # Errors
    /// Where the system refuses; then the file is as it was. And for names, as with [`read`](Self::read).
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), StorageError> {
        self.on(
            name,
            "replace",
            |memory| {
                memory.replace(name, bytes);
                Ok(())
            },
            |directory| directory.replace(name, bytes),
        )
    }

    /// Makes durable all that was written before.
    ///
    /// # Errors
    /// Where the system can't. What was written since the last sync may be lost then, even if a later sync succeeds: start anew from what
    /// can be read.
    pub fn sync(&self) -> Result<(), StorageError> {
        match &mut *self.backend.borrow_mut() {
            Backend::Memory(memory) => {
                memory.sync();
                Ok(())
            }
            Backend::Directory(directory) => directory.sync(),
        }
    }

    /// What a crash of the node's machine leaves, for tests and simulations. Does nothing to files in a directory.
    pub fn crash(&self, loss: CrashLoss, random: &mut Random) {
        if let Backend::Memory(memory) = &mut *self.backend.borrow_mut() {
            memory.crash(loss, random);
        }
    }

    fn of(backend: Backend) -> Self {
        Self { backend: Rc::new(RefCell::new(backend)) }
    }

    fn on<T>(
        &self,
        name: &str,
        action: &'static str,
        in_memory: impl FnOnce(&mut Memory) -> io::Result<T>,
        in_directory: impl FnOnce(&mut Directory) -> io::Result<T>,
    ) -> Result<T, StorageError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(is_plain) {
            let problem =
                "expected a name of ASCII letters, digits, `-`, `_` and `.` that does not begin with a dot";
            return Err(StorageError::new(
                action,
                name,
                io::Error::new(io::ErrorKind::InvalidInput, problem),
            ));
        }
        let done = match &mut *self.backend.borrow_mut() {
            Backend::Memory(memory) => in_memory(memory),
            Backend::Directory(directory) => in_directory(directory),
        };
        done.map_err(|source| StorageError::new(action, name, source))
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.backend.borrow() {
            Backend::Memory(_) => formatter.write_str("Storage in memory"),
            Backend::Directory(directory) => write!(formatter, "Storage in {}", directory.path().display()),
        }
    }
}

#[cfg(test)]
mod tests;
