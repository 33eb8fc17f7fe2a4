//! Models of the common objects.

mod keyed;
mod log;
mod multi_register;
mod mutex;
mod queue;
mod register;
mod set;

pub use keyed::{Keyed, KeyedState};
pub use log::{Log, LogAction, LogState};
pub use multi_register::{MicroOperation, MultiRegister, MultiRegisterState};
pub use mutex::{Mutex, MutexAction, MutexState};
pub use queue::{Queue, QueueAction, QueueState};
pub use register::{Register, RegisterAction};
pub use set::{Set, SetAction, SetState};
