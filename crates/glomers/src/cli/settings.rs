//! The options that belong to one workload or one fault, as the command line takes them.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use glomers_workbench::{
    plan::Plan,
    registry::{self, SettingOwner},
};

use super::exit::CliError;

/// The settings on the command line: name and value as typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingArguments(BTreeMap<&'static str, String>);

impl SettingArguments {
    /// Puts them into a plan that has its workload and its faults.
    ///
    /// # Errors
    /// If the setting has no effect in this plan; the error says which workload or fault it belongs to.
    pub(crate) fn apply(&self, plan: &mut Plan) -> Result<(), CliError> {
        for (name, value) in &self.0 {
            let setting = registry::find_setting(name, plan)?;
            plan.settings.set(setting, value)?;
        }
        Ok(())
    }
}

impl Args for SettingArguments {
    fn augment_args(mut command: Command) -> Command {
        let mut seen: Vec<&str> = Vec::new();
        for SettingOwner { setting, .. } in registry::settings() {
            if seen.contains(&setting.name) {
                continue;
            }
            seen.push(setting.name);
            let owners: Vec<&str> = registry::owners(setting.name).iter().map(|owner| owner.name).collect();
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
        for SettingOwner { setting, .. } in registry::settings() {
            if let Some(value) = matches.get_one::<String>(setting.name) {
                self.0.insert(setting.name, value.clone());
            }
        }
        Ok(())
    }
}
