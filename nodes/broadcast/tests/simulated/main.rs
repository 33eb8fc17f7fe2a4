//! The node on the workbench, under virtual time.

mod challenges;
mod known_bad;
mod support;
