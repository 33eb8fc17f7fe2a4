//! Runs the node's coroutines, all on one thread, each until its next await.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::router::Asker;

pub(crate) type TaskFuture = Pin<Box<dyn Future<Output = ()>>>;

/// A coroutine, and on whose behalf it runs.
pub(crate) struct Task {
    pub(crate) future: TaskFuture,
    /// Who sent the message that this handles; `None` for a task that the node's author spawned.
    pub(crate) asker: Option<Asker>,
}

/// A task that panicked, with what it said.
pub(crate) struct Panicked {
    pub(crate) asker: Option<Asker>,
    pub(crate) text: String,
}

/// A slab of tasks and the queue of those that can go on.
///
/// A slot keeps its waker when a task ends, so a message costs one allocation: its future. A waker that
/// outlives its task can wake the slot's next one; a future that is polled too often does no harm.
#[derive(Default)]
pub(crate) struct Executor {
    slab: RefCell<Slab>,
    queue: Arc<ReadyQueue>,
    handler_count: Cell<usize>,
}

#[derive(Default)]
struct Slab {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

struct Slot {
    /// Taken out while it runs, so that it can reach the executor.
    task: Option<Task>,
    waker: Option<Waker>,
    signal: Arc<SlotSignal>,
}

impl Executor {
    /// Adds a task behind all that are ready.
    pub(crate) fn spawn(&self, task: Task) {
        let index = self.insert(task);
        self.slab.borrow().slots[index].signal.ring();
    }

    /// Adds a task and runs it at once, until its first await.
    pub(crate) fn start(&self, task: Task) -> Result<(), Panicked> {
        let index = self.insert(task);
        self.poll(index)
    }

    /// Runs the task that has been ready the longest; `None` where none is.
    pub(crate) fn run_next(&self) -> Option<Result<(), Panicked>> {
        let index = self.queue.lock().pop_front()?;
        self.slab.borrow().slots[index].signal.is_queued.store(false, Ordering::Relaxed);
        Some(self.poll(index))
    }

    /// Whether no task is left.
    pub(crate) fn is_idle(&self) -> bool {
        let slab = self.slab.borrow();
        slab.slots.len() == slab.free.len()
    }

    /// Whether no handler of a message is left; spawned tasks don't count.
    pub(crate) fn is_answered(&self) -> bool {
        self.handler_count.get() == 0
    }

    /// Drops all tasks. They hold the node, and so this executor: without this, neither would ever be freed.
    pub(crate) fn clear(&self) {
        let slots = std::mem::take(&mut *self.slab.borrow_mut()).slots;
        self.queue.lock().clear();
        drop(slots);
    }

    fn insert(&self, task: Task) -> usize {
        if task.asker.is_some() {
            self.handler_count.set(self.handler_count.get() + 1);
        }
        let mut slab = self.slab.borrow_mut();
        if let Some(index) = slab.free.pop() {
            slab.slots[index].task = Some(task);
            return index;
        }
        let index = slab.slots.len();
        let signal =
            Arc::new(SlotSignal { index, is_queued: AtomicBool::new(false), queue: Arc::clone(&self.queue) });
        let waker = Some(Waker::from(Arc::clone(&signal)));
        slab.slots.push(Slot { task: Some(task), waker, signal });
        index
    }

    fn poll(&self, index: usize) -> Result<(), Panicked> {
        let (mut task, waker) = {
            let slot = &mut self.slab.borrow_mut().slots[index];
            // Woken once more after its end.
            let Some(task) = slot.task.take() else { return Ok(()) };
            (task, slot.waker.take().expect("a slot's waker is there while its task does not run"))
        };
        let mut context = Context::from_waker(&waker);
        // A task that panicked is never polled again, so nobody sees what it left half done but the server
        // itself, whose cells are its author's to keep whole.
        let polled = catch_unwind(AssertUnwindSafe(|| task.future.as_mut().poll(&mut context)));
        let result = match polled {
            Ok(Poll::Pending) => {
                let slot = &mut self.slab.borrow_mut().slots[index];
                slot.task = Some(task);
                slot.waker = Some(waker);
                return Ok(());
            }
            Ok(Poll::Ready(())) => Ok(()),
            Err(panic) => Err(Panicked { asker: task.asker.clone(), text: panic_text(panic.as_ref()) }),
        };
        if task.asker.is_some() {
            self.handler_count.set(self.handler_count.get() - 1);
        }
        // What the future owns may reach for the executor as it is dropped, so the slab must not be borrowed
        // here.
        drop(task);
        let mut slab = self.slab.borrow_mut();
        slab.slots[index].waker = Some(waker);
        slab.free.push(index);
        result
    }
}

/// The indexes of the slots whose tasks can go on. Wakers are `Send` by contract, hence the lock, which
/// nobody contends for.
#[derive(Default)]
struct ReadyQueue {
    indexes: Mutex<VecDeque<usize>>,
}

impl ReadyQueue {
    fn lock(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a slot's waker points to.
struct SlotSignal {
    index: usize,
    is_queued: AtomicBool,
    queue: Arc<ReadyQueue>,
}

impl SlotSignal {
    fn ring(&self) {
        if !self.is_queued.swap(true, Ordering::Relaxed) {
            self.queue.lock().push_back(self.index);
        }
    }
}

impl Wake for SlotSignal {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

/// What a panic said; panics with a payload that is no text are rare and say nothing.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".to_owned()
    }
}
