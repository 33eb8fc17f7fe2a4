//! Runs of a program under virtual time that leave no directory: for sweeps and shrinks, which have thousands.

use std::{path::PathBuf, sync::atomic::AtomicUsize};

use glomers_check::{Mode, Operation};
use glomers_protocol::NodeId;
use glomers_workbench::{
    cluster::Hosting,
    plan::Plan,
    run::RunError,
    simulation::{carry_out, virtual_world},
    sweep::{Behaviour, SeedResult},
    verdict::Conclusion,
};
use glomers_world::{Journal, ProcessSpec};
use tempfile::TempDir;

use crate::run_directory::manifest::NodeProgram;

/// A program, and what all its runs share. Several threads may use it at once.
#[derive(Debug)]
pub(crate) struct VirtualRuns {
    program: NodeProgram,
    mode: Mode,
    signal: &'static AtomicUsize,
}

impl VirtualRuns {
    pub(crate) fn new(program: NodeProgram, mode: Mode, signal: &'static AtomicUsize) -> Self {
        Self { program, mode, signal }
    }

    /// Carries out a plan, and returns what it came to with its history.
    pub(crate) fn run(&self, plan: &Plan) -> Result<(Conclusion, Vec<Operation>), RunError> {
        let logs = scratch_directory(plan)?;
        let world = virtual_world(plan, Journal::hash_only());
        carry_out(plan, self.mode, world, self.hosting(&logs), self.signal)
    }

    /// Carries out the plan of one seed of a sweep.
    pub(crate) fn run_seed(&self, plan: &Plan, variation: String) -> Result<SeedResult, RunError> {
        let logs = scratch_directory(plan)?;
        let mut world = virtual_world(plan, Journal::hash_only());
        let behaviour = Behaviour::watch(&mut world);
        let (conclusion, _) = carry_out(plan, self.mode, world, self.hosting(&logs), self.signal)?;
        Ok(SeedResult::new(plan.seed, variation, &conclusion, behaviour.take()))
    }

    fn hosting(&self, logs: &TempDir) -> Hosting {
        let (program, logs): (NodeProgram, PathBuf) = (self.program.clone(), logs.path().to_owned());
        Hosting::Lockstep(Box::new(move |node| ProcessSpec {
            program: program.program.clone(),
            arguments: program.arguments.clone(),
            directory: std::env::temp_dir(),
            log_file: logs.join(format!("{node}.log")),
        }))
    }
}

/// Where the nodes of one run log to. Nobody reads it: whoever wants to runs the seed again.
fn scratch_directory(plan: &Plan) -> Result<TempDir, RunError> {
    tempfile::Builder::new().prefix("glomers-").tempdir().map_err(|source| {
        let node = plan.nodes.first().cloned().unwrap_or_else(|| NodeId::from("n0"));
        RunError::Spawn(glomers_world::SpawnError::System { node, source })
    })
}
