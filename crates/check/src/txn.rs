//! Transactions.

mod anomaly;
mod component;
mod cycle;
mod drawing;
mod explain;
mod graph;
mod interner;
mod list_append;
mod model;
mod options;
mod reads;
mod relation;
mod report;
mod rw_register;
mod search;
mod time_order;
mod transactions;
mod updates;
pub mod weak;

pub use anomaly::{Anomaly, UnknownAnomaly};
pub use drawing::draw_cycle;
pub use list_append::ListAppend;
pub use model::{Boundary, Model, UnknownModel};
pub use options::Options;
pub use relation::Relation;
pub use rw_register::{RwRegister, VersionOrders};
