//! The options that belong to one workload or one fault, as the command line takes them.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::exit::CliError;
use crate::{nemeses, plan::Plan, settings::Setting, workloads};

/// Every setting that was given, by name, as it was typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingArguments(BTreeMap<&'static str, String>);

impl SettingArguments {
    /// Puts them into a plan that has its workload and its faults.
    ///
    /// # Errors
    /// A setting that means nothing to this plan, and to whom it does.
    pub(crate) fn apply(&self, plan: &mut Plan) -> Result<(), CliError> {
        for (name, value) in &self.0 {
            let owners = owners(name);
            let setting = owners.iter().find(|owner| owner.is_in(plan)).map(|owner| owner.setting);
            let Some(setting) = setting else {
                return Err(CliError::Arguments(means_nothing(name, value, &owners, plan)));
            };
            plan.settings.set(setting, value).map_err(CliError::Arguments)?;
        }
        Ok(())
    }
}

/// Somebody to whom a setting means something.
struct Owner {
    kind: OwnerKind,
    name: &'static str,
    setting: &'static Setting,
}

#[derive(PartialEq, Eq)]
enum OwnerKind {
    Workload,
    Fault,
}

impl Owner {
    fn is_in(&self, plan: &Plan) -> bool {
        match self.kind {
            OwnerKind::Workload => plan.workload == self.name,
            OwnerKind::Fault => plan.nemesis.iter().any(|name| name == self.name),
        }
    }
}

/// Everybody who knows a setting of that name.
fn owners(name: &str) -> Vec<Owner> {
    all().into_iter().filter(|owner| owner.setting.name == name).collect()
}

fn all() -> Vec<Owner> {
    let of_workloads = workloads::ALL.iter().flat_map(|workload| {
        workload.settings.iter().map(|setting| Owner {
            kind: OwnerKind::Workload,
            name: workload.name,
            setting,
        })
    });
    let of_faults = nemeses::ALL.iter().flat_map(|fault| {
        fault.settings.iter().map(|setting| Owner { kind: OwnerKind::Fault, name: fault.name, setting })
    });
    of_workloads.chain(of_faults).collect()
}

fn means_nothing(name: &str, value: &str, owners: &[Owner], plan: &Plan) -> String {
    let names = |kind: OwnerKind| {
        let names: Vec<&str> =
            owners.iter().filter(|owner| owner.kind == kind).map(|owner| owner.name).collect();
        names.join(", ")
    };
    let (of_workloads, of_faults) = (names(OwnerKind::Workload), names(OwnerKind::Fault));
    let meant = match (of_workloads.is_empty(), of_faults.is_empty()) {
        (false, _) => format!("it belongs to -w {of_workloads}, and this is -w {}", plan.workload),
        (true, _) => format!("it belongs to --nemesis {of_faults}, which is not asked for"),
    };
    format!("--{name} {value} would do nothing: {meant}. Leave it out, or add what it belongs to.")
}

impl Args for SettingArguments {
    fn augment_args(mut command: Command) -> Command {
        let mut seen: Vec<&str> = Vec::new();
        for Owner { setting, .. } in all() {
            if seen.contains(&setting.name) {
                continue;
            }
            seen.push(setting.name);
            let owners: Vec<&str> = owners(setting.name).iter().map(|owner| owner.name).collect();
            let help = format!("{} [{}; default: {}]", setting.doc, owners.join(", "), setting.default);
            command = command.arg(
                Arg::new(setting.name)
                    .long(setting.name)
                    .value_name(setting.value_name())
                    .help(help)
                    .help_heading("Options of one workload or fault")
                    .value_parser(|value: &str| Ok::<_, String>(value.to_owned())),
            );
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut arguments = Self::default();
        arguments.update_from_arg_matches(matches)?;
        Ok(arguments)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for Owner { setting, .. } in all() {
            if let Some(value) = matches.get_one::<String>(setting.name) {
                self.0.insert(setting.name, value.clone());
            }
        }
        Ok(())
    }
}
