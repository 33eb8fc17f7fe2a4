//! Which threads are free to invoke an operation.

use glomers_node::Random;

/// The threads without an operation: a set with a constant-time random pick.
#[derive(Debug, Clone)]
pub struct FreeThreads {
    free: Vec<usize>,
    /// The position of each thread in `free`, or `BUSY`.
    position: Vec<usize>,
}

const BUSY: usize = usize::MAX;

impl FreeThreads {
    /// All of `count` threads, free.
    pub fn all(count: usize) -> Self {
        Self { free: (0..count).collect(), position: (0..count).collect() }
    }

    /// Any free thread, each with the same chance.
    pub fn pick(&self, random: &mut Random) -> Option<usize> {
        match self.free.len() {
            0 => None,
            1 => Some(self.free[0]),
            count => Some(self.free[random.below(count as u64) as usize]),
        }
    }

    /// Whether a thread is free.
    pub fn contains(&self, thread: usize) -> bool {
        self.position[thread] != BUSY
    }

    /// How many threads are free.
    pub fn count(&self) -> usize {
        self.free.len()
    }

    /// Whether no operation is under way.
    pub fn are_all(&self) -> bool {
        self.free.len() == self.position.len()
    }

    /// Takes a thread that is free.
    pub fn take(&mut self, thread: usize) {
        let position = std::mem::replace(&mut self.position[thread], BUSY);
        assert!(position != BUSY, "thread {thread} got a second operation while one was under way");
        self.free.swap_remove(position);
        if let Some(&moved) = self.free.get(position) {
            self.position[moved] = position;
        }
    }

    /// Gives a thread back.
    pub fn give_back(&mut self, thread: usize) {
        assert!(!self.contains(thread), "thread {thread} completed an operation that it had not invoked");
        self.position[thread] = self.free.len();
        self.free.push(thread);
    }
}
