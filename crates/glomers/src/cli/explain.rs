//! `glomers explain`.

use clap::{Args, builder::PossibleValuesParser};

use super::{
    exit::{CliError, ExitStatus},
    output,
};
use crate::explain;

/// The options of `glomers explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// A service or a fault. Without a topic, all are listed.
    #[arg(value_name = "TOPIC", value_parser = PossibleValuesParser::new(explain::topics().map(|(name, _)| name)))]
    topic: Option<String>,
}

impl ExplainArguments {
    pub(crate) fn run(self) -> Result<ExitStatus, CliError> {
        let page = self.topic.as_deref().and_then(explain::page).unwrap_or_else(explain::contents);
        output::print(&format!("{page}\n"))?;
        Ok(ExitStatus::Valid)
    }
}
