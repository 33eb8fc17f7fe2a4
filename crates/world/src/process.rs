//! Real nodes: processes that speak JSON lines.
//!
//! - `spec`: [`ProcessSpec`] and [`SpawnError`], how one is started.
//! - `process_host`: a running node, its pipes, and what is on its way through them.
//! - `printed`: what it has printed; `lines`: cuts what it prints into lines; `input`: what it has yet to read; `pipe`: how much of that is in its pipe.
//! - `lone_process`: [`LoneProcess`], one without a world.
//! - `node_log`: what it writes to stderr, in a file.
//! - `exit`: [`ExitReport`], how it ended.
//! - `guard`: the process between the workbench and the node, which makes sure that nothing outlives either; `process_guard`: the
//!   workbench's end of it.
//! - `descendants`: what a node started, to pause it, and to kill it when the guard cannot.
//! - `deadline`: how long to wait for other processes.
//! - `sys`: unsafe calls, of which `pipe` has one more.
//!
//! Nothing that a node does makes the workbench wait without bound, and nothing that it starts outlives the run. What Linux alone
//! can: adopting orphans, and listing children. Elsewhere a descendant that leaves the node's process group survives. So does,
//! everywhere, what is not a descendant at all: a job that the node had another service start (`systemd-run`, `at`, `docker run`).

mod deadline;
mod descendants;
mod exit;
mod guard;
mod input;
mod lines;
mod lone_process;
mod node_log;
mod pipe;
mod printed;
mod process_guard;
mod process_host;
mod spec;
mod sys;

pub use exit::ExitReport;
pub(crate) use exit::describe;
pub(crate) use input::{InputBuffer, Overflow};
pub(crate) use lines::{Line, LineSplitter};
pub use lone_process::{LoneEvent, LoneProcess};
pub use node_log::open_node_log;
pub(crate) use node_log::{last_lines_of_log, prepare_log};
pub(crate) use printed::Printed;
pub(crate) use process_guard::{KILL_PATIENCE, LogEnd, LogOrders, NodeEnd, Supervision};
pub use process_host::node_seed;
pub(crate) use process_host::{ProcessHost, SEED_VARIABLE};
pub use spec::{ProcessSpec, SpawnError};
pub(crate) use spec::{explain, foreign_format};
