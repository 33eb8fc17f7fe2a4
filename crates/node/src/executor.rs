//! Runs the node's tasks, all on one thread, each until it next waits.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::origin::RequestOrigin;

pub(crate) type TaskFuture = Pin<Box<dyn Future<Output = ()>>>;

/// A task that goes on more often than this in one step, in which no time passes, does not wait for anything.
const MAX_POLLS_PER_STEP: u32 = 100_000;

const BUSY_LOOP: &str = "a task went on 100000 times while no time passed, so it is a busy loop: wait with node.sleep, an Alarm or a \
                         Notify; neither a message nor a timer can come before the task waits";

const FOREIGN_WAKE: &str = "a task was woken from another thread, which a node does not notice: it runs only when a message comes or \
                            a timer of its own is due. Inside a node, await only node.rpc, node.sleep, Notify and the like, or what \
                            other tasks of the same node complete; futures of Tokio, of async-std and of threads do not work";

/// A coroutine, and on whose behalf it runs.
pub(crate) struct Task {
    pub(crate) future: TaskFuture,
    /// Where the message that this handles came from; `None` for a task that the node's author spawned.
    pub(crate) origin: Option<RequestOrigin>,
}

/// A task that panicked, with the panic's text.
pub(crate) struct Panicked {
    pub(crate) origin: Option<RequestOrigin>,
    pub(crate) text: String,
}

/// The tasks, and the queue of those that can go on.
///
/// A slot keeps its waker when its task ends, so a message costs one allocation: its future. A waker that outlives its task can wake
/// the slot's next one, which does no harm: a future may be polled too often.
#[derive(Default)]
pub(crate) struct Executor {
    slots: RefCell<Slots>,
    queue: Arc<ReadyQueue>,
    handler_count: Cell<usize>,
    step: Cell<u64>,
}

#[derive(Default)]
struct Slots {
    all: Vec<Slot>,
    free: Vec<usize>,
}

struct Slot {
    /// Taken out while it runs, so that it can reach the executor.
    task: Option<Task>,
    waker: Option<Waker>,
    signal: Arc<SlotSignal>,
    /// The last step in which the task was woken, and how often.
    step: u64,
    polls: u32,
}

impl Executor {
    /// A step begins: the counts of busy loops start again.
    pub(crate) fn begin_step(&self) {
        self.step.set(self.step.get() + 1);
    }

    /// Adds a task behind all that are ready.
    pub(crate) fn spawn(&self, task: Task) {
        let index = self.insert(task);
        self.slots.borrow().all[index].signal.ring();
    }

    /// Adds a task and runs it at once, until it first waits.
    pub(crate) fn start(&self, task: Task) -> Result<(), Panicked> {
        let index = self.insert(task);
        self.poll(index)
    }

    /// Runs the task that has been ready the longest; `None` where none is.
    pub(crate) fn run_next(&self) -> Option<Result<(), Panicked>> {
        let index = self.queue.lock().pop_front()?;
        let fault = {
            let slot = &mut self.slots.borrow_mut().all[index];
            slot.signal.is_queued.store(false, Ordering::Relaxed);
            if slot.step != self.step.get() {
                (slot.step, slot.polls) = (self.step.get(), 0);
            }
            slot.polls += 1;
            if slot.signal.is_woken_by_other_thread.swap(false, Ordering::Relaxed) {
                Some(FOREIGN_WAKE)
            } else if slot.polls > MAX_POLLS_PER_STEP {
                Some(BUSY_LOOP)
            } else {
                None
            }
        };
        Some(match fault {
            None => self.poll(index),
            Some(text) => self.end(index, text),
        })
    }

    /// Whether no task is left.
    pub(crate) fn is_idle(&self) -> bool {
        let slots = self.slots.borrow();
        slots.all.len() == slots.free.len()
    }

    /// Whether no handler of a message is left; spawned tasks don't count.
    pub(crate) fn is_answered(&self) -> bool {
        self.handler_count.get() == 0
    }

    /// Drops all tasks. They hold the node, and so this executor: without this, neither would ever be freed.
    pub(crate) fn clear(&self) {
        let slots = std::mem::take(&mut *self.slots.borrow_mut()).all;
        self.queue.lock().clear();
        drop(slots);
        // What was dropped may have woken others, which are gone too.
        self.queue.lock().clear();
    }

    fn insert(&self, task: Task) -> usize {
        if task.origin.is_some() {
            self.handler_count.set(self.handler_count.get() + 1);
        }
        let mut slots = self.slots.borrow_mut();
        if let Some(index) = slots.free.pop() {
            slots.all[index].task = Some(task);
            return index;
        }
        let index = slots.all.len();
        let signal = Arc::new(SlotSignal {
            index,
            is_queued: AtomicBool::new(false),
            is_woken_by_other_thread: AtomicBool::new(false),
            queue: Arc::clone(&self.queue),
        });
        let waker = Some(Waker::from(Arc::clone(&signal)));
        slots.all.push(Slot { task: Some(task), waker, signal, step: 0, polls: 0 });
        index
    }

    fn poll(&self, index: usize) -> Result<(), Panicked> {
        let (mut task, waker) = {
            let slot = &mut self.slots.borrow_mut().all[index];
            // Woken once more after its end.
            let Some(task) = slot.task.take() else { return Ok(()) };
            (task, slot.waker.take().expect("a slot's waker is there while its task does not run"))
        };
        let mut context = Context::from_waker(&waker);
        // A task that panicked is never polled again. Only the server's own cells may be left half changed, which its author must
        // keep in mind.
        let polled = catch_unwind(AssertUnwindSafe(|| task.future.as_mut().poll(&mut context)));
        let panic = match polled {
            Ok(Poll::Pending) => {
                let slot = &mut self.slots.borrow_mut().all[index];
                slot.task = Some(task);
                slot.waker = Some(waker);
                return Ok(());
            }
            Ok(Poll::Ready(())) => None,
            Err(panic) => Some(panic_text(panic.as_ref())),
        };
        let origin = self.retire(task);
        let mut slots = self.slots.borrow_mut();
        slots.all[index].waker = Some(waker);
        slots.free.push(index);
        match panic {
            Some(text) => Err(Panicked { origin, text }),
            None => Ok(()),
        }
    }

    /// Ends a task that breaks the rules, as if it had panicked with this text.
    fn end(&self, index: usize, text: &str) -> Result<(), Panicked> {
        let Some(task) = self.slots.borrow_mut().all[index].task.take() else { return Ok(()) };
        let origin = self.retire(task);
        self.slots.borrow_mut().free.push(index);
        Err(Panicked { origin, text: text.to_owned() })
    }

    /// Drops a task that has ended. What it owns may reach for the executor as it is dropped, so the slots must not be borrowed here.
    fn retire(&self, task: Task) -> Option<RequestOrigin> {
        let Task { future, origin } = task;
        if origin.is_some() {
            self.handler_count.set(self.handler_count.get() - 1);
        }
        drop(future);
        origin
    }
}

/// The indexes of the slots whose tasks can go on. Wakers are `Send` by contract, hence the lock, which nobody contends for.
struct ReadyQueue {
    indexes: Mutex<VecDeque<usize>>,
    /// The thread that runs the tasks.
    thread: ThreadMark,
}

impl Default for ReadyQueue {
    fn default() -> Self {
        Self { indexes: Mutex::default(), thread: ThreadMark::current() }
    }
}

impl ReadyQueue {
    fn lock(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells one living thread from all others. Much cheaper to get than a `ThreadId`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ThreadMark(usize);

impl ThreadMark {
    fn current() -> Self {
        thread_local! {
            static MARK: u8 = const { 0 };
        }
        MARK.with(|mark| Self(std::ptr::from_ref(mark).addr()))
    }
}

/// What a slot's waker points to.
struct SlotSignal {
    index: usize,
    is_queued: AtomicBool,
    is_woken_by_other_thread: AtomicBool,
    queue: Arc<ReadyQueue>,
}

impl SlotSignal {
    /// # Panics
    /// In a thread other than the node's. The task ends too, with the same words, when the node next runs.
    fn ring(&self) {
        let is_foreign = ThreadMark::current() != self.queue.thread;
        if is_foreign {
            self.is_woken_by_other_thread.store(true, Ordering::Relaxed);
        }
        if !self.is_queued.swap(true, Ordering::Relaxed) {
            self.queue.lock().push_back(self.index);
        }
        assert!(!is_foreign, "{FOREIGN_WAKE}");
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

/// What a panic said. Panics whose payload is no text are rare.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".to_owned()
    }
}
