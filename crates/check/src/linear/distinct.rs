//! Registers to which no value is written twice, decided in *O(n log n)*.
//!
//! If every value is written once, every read names its write. A successful compare-and-set from `a` to `b` stands
//! directly after all that saw `a`; so the operations form blocks: a blind write, its reads, then a chain of
//! compare-and-sets, each with its reads. No other write can come between, so a block is one piece of any order.
//!
//! Inside a block, nothing may end before something begins that must come earlier. Between blocks, *A* must precede
//! *B* if something of *A* ended before something of *B* began: if the earliest end in *A* is before the latest
//! beginning in *B*. An order exists exactly if no two blocks must precede each other and none must precede that
//! of the initial value. Crashed operations whose value was never seen are left out; those that were seen never end.
//!
//! For reads and writes alone these are the zones of Phillip Gibbons and Ephraim Korach, *Testing Shared Memories*,
//! SIAM Journal on Computing 26(4), 1997.

use super::monitor::NEVER;

/// An operation on a register; values are numbers that the caller gave out, [`DistinctRegister::INITIAL`] is the
/// initial one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DistinctAction {
    /// A read that saw this value.
    Read(u32),
    /// A blind write of this value.
    Write(u32),
    /// A compare-and-set that found the first value and wrote the second.
    CompareAndSet(u32, u32),
}

/// Decides whether a register's history in which no value is written twice is linearizable.
///
/// Operations are added in any order, each in constant time; memory is 56 bytes for each value. Values should be
/// numbered densely.
///
/// ```
/// use glomers_check::linear::{DistinctAction::{Read, Write}, DistinctRegister};
/// let mut register = DistinctRegister::new();
/// register.add(Write(1), 0, Some(1))?;
/// register.add(Write(2), 2, Some(3))?;
/// assert!(register.is_linearizable());
/// register.add(Read(1), 4, Some(5))?; // After the write of 2 ended, 1 is gone.
/// assert!(!register.is_linearizable());
/// # Ok::<(), glomers_check::linear::WrittenTwice>(())
/// ```
#[derive(Clone, Debug)]
pub struct DistinctRegister {
    stages: Vec<Stage>,
}

/// A value was written a second time, so that its reads do not name their write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("value number {0} is written twice, and this register needs written values to differ")]
pub struct WrittenTwice(pub u32);

/// A value from its write to its replacement, with all that saw it.
#[derive(Clone, Copy, Debug)]
struct Stage {
    written: Written,
    write_begin: u64,
    /// [`NEVER`] if its outcome is unknown: it may have ended after everything else.
    write_end: u64,
    reads_latest_begin: u64,
    reads_earliest_end: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// Not so far.
    No,
    Blindly,
    /// Over this value.
    Over(u32),
}

const NONE: u32 = u32::MAX;

impl Stage {
    const EMPTY: Self = Self {
        written: Written::No,
        write_begin: 0,
        write_end: NEVER,
        reads_latest_begin: 0,
        reads_earliest_end: NEVER,
    };

    fn was_read(&self) -> bool {
        self.reads_earliest_end != NEVER
    }
}

impl DistinctRegister {
    /// The number of the register's initial value.
    pub const INITIAL: u32 = 0;

    /// A register of which nothing is known.
    pub fn new() -> Self {
        // The initial value was written before everything.
        Self { stages: vec![Stage { written: Written::Blindly, write_end: 0, ..Stage::EMPTY }] }
    }

    /// Adds an operation that began and ended at these events. Event numbers decide what was before what; an
    /// operation without an end may have taken effect at any time after its beginning, or never.
    ///
    /// # Errors
    /// The value written was written before. The operation was not added.
    pub fn add(&mut self, action: DistinctAction, begin: u64, end: Option<u64>) -> Result<(), WrittenTwice> {
        let (value, written) = match action {
            DistinctAction::Read(value) => {
                let stage = self.stage(value);
                if let Some(end) = end {
                    stage.reads_latest_begin = stage.reads_latest_begin.max(begin);
                    stage.reads_earliest_end = stage.reads_earliest_end.min(end);
                }
                return Ok(());
            }
            DistinctAction::Write(value) => (value, Written::Blindly),
            DistinctAction::CompareAndSet(from, to) => (to, Written::Over(from)),
        };
        let stage = self.stage(value);
        if stage.written != Written::No {
            return Err(WrittenTwice(value));
        }
        *stage = Stage { written, write_begin: begin, write_end: end.unwrap_or(NEVER), ..*stage };
        if let Written::Over(from) = written {
            self.stage(from);
        }
        Ok(())
    }

    /// Whether all that was added fits one order. *O(n log n)* in the number of values.
    pub fn is_linearizable(&self) -> bool {
        let Some(successors) = self.successors() else { return false };
        let Some(mut blocks) = self.blocks(&successors) else { return false };
        let initial = blocks.remove(0);
        if blocks.iter().any(|block| block.earliest_end < initial.latest_begin) {
            return false;
        }
        no_two_precede_each_other(blocks)
    }

    fn stage(&mut self, value: u32) -> &mut Stage {
        let index = value as usize;
        if self.stages.len() <= index {
            self.stages.resize(index + 1, Stage::EMPTY);
        }
        &mut self.stages[index]
    }

    /// Per value the one that replaced it by compare-and-set, or none at all if that is impossible: a value was
    /// seen that nobody wrote, or replaced twice.
    fn successors(&self) -> Option<Vec<u32>> {
        let mut successors = vec![NONE; self.stages.len()];
        let mut happened = vec![false; self.stages.len()];
        for (value, stage) in self.stages.iter().enumerate() {
            let write_ended = stage.written != Written::No && stage.write_end != NEVER;
            if !write_ended && !stage.was_read() {
                continue;
            }
            // What this value was written over was there too, and so on back to a blind write.
            let mut value = u32::try_from(value).expect("values are numbered by u32");
            while !std::mem::replace(&mut happened[value as usize], true) {
                match self.stages[value as usize].written {
                    Written::No => return None,
                    Written::Blindly => break,
                    Written::Over(from) => {
                        if std::mem::replace(&mut successors[from as usize], value) != NONE {
                            return None;
                        }
                        value = from;
                    }
                }
            }
        }
        // A circle of values written over each other has no beginning: its members are reached from no block.
        let mut in_blocks = 0;
        for (value, stage) in self.stages.iter().enumerate() {
            if happened[value] && stage.written == Written::Blindly {
                let mut value = value;
                loop {
                    in_blocks += 1;
                    match successors[value] {
                        NONE => break,
                        next => value = next as usize,
                    }
                }
            }
        }
        let all = happened.iter().filter(|&&happened| happened).count();
        (in_blocks == all).then_some(successors)
    }

    /// The blocks, that of the initial value first; or none at all if a block contradicts itself.
    fn blocks(&self, successors: &[u32]) -> Option<Vec<Block>> {
        let mut blocks = Vec::new();
        for (value, first) in self.stages.iter().enumerate() {
            let unseen = first.write_end == NEVER && !first.was_read() && successors[value] == NONE;
            if first.written != Written::Blindly || unseen {
                continue;
            }
            let mut block = Block { earliest_end: NEVER, latest_begin: 0 };
            let mut value = value;
            loop {
                let stage = &self.stages[value];
                block.append(stage.write_begin, stage.write_end)?;
                if stage.was_read() {
                    block.append(stage.reads_latest_begin, stage.reads_earliest_end)?;
                }
                match successors[value] {
                    NONE => break,
                    next => value = next as usize,
                }
            }
            blocks.push(block);
        }
        Some(blocks)
    }
}

impl Default for DistinctRegister {
    fn default() -> Self {
        Self::new()
    }
}

/// Operations that nothing can come between.
#[derive(Clone, Copy, Debug)]
struct Block {
    earliest_end: u64,
    latest_begin: u64,
}

impl Block {
    /// Puts operations behind all others of the block, unless one of them ended before another began.
    fn append(&mut self, latest_begin: u64, earliest_end: u64) -> Option<()> {
        if earliest_end < self.latest_begin {
            return None;
        }
        self.earliest_end = self.earliest_end.min(earliest_end);
        self.latest_begin = self.latest_begin.max(latest_begin);
        Some(())
    }
}

/// Blocks whose earliest end is before their latest beginning hold the register for all that time: two of them
/// must not overlap, and no other block may have to fit inside one.
fn no_two_precede_each_other(blocks: Vec<Block>) -> bool {
    let (mut holding, fleeting): (Vec<Block>, Vec<Block>) =
        blocks.into_iter().partition(|block| block.earliest_end < block.latest_begin);
    holding.sort_unstable_by_key(|block| block.earliest_end);
    let overlap = holding.windows(2).any(|pair| pair[1].earliest_end < pair[0].latest_begin);
    let enclosed = |block: &Block| {
        let before = holding.partition_point(|other| other.earliest_end < block.latest_begin);
        before > 0 && block.earliest_end < holding[before - 1].latest_begin
    };
    !overlap && !fleeting.iter().any(enclosed)
}
