//! The options of `glomers check` that say which spans of an OpenTelemetry trace are operations.

use std::time::Duration;

use clap::Args;
use glomers_check::{Value, formats::otlp::Mapping};

use crate::cli::values;

/// What `--otlp` brings with it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Traces")]
pub(super) struct TraceArguments {
    /// The files are traces of OpenTelemetry as JSON, as the collector's file exporter writes them: their spans are operations.
    /// The options below name attributes of spans, or of their resource.
    #[arg(long)]
    otlp: bool,

    /// The attribute that holds the operation, such as read; spans without it are none [default: the name of the span].
    #[arg(long, value_name = "ATTRIBUTE", requires = "otlp")]
    operation: Option<String>,

    /// What operations are called in the trace, and their function: 'GET /kv=read,PUT /kv=write'. Others are left out.
    #[arg(long, value_name = "NAME=FUNCTION,…", requires = "otlp", value_delimiter = ',', value_parser = parse_pair)]
    functions: Vec<(String, String)>,

    /// The attribute that holds the key, which every operation must have.
    #[arg(long, value_name = "ATTRIBUTE", requires = "otlp")]
    key: Option<String>,

    /// The attribute that holds what was asked for, such as the value to write.
    #[arg(long, value_name = "ATTRIBUTE", requires = "otlp")]
    value: Option<String>,

    /// The attribute that holds what came back, such as the value read; where it is missing, that of --value counts.
    #[arg(long, value_name = "ATTRIBUTE", requires = "otlp")]
    result: Option<String>,

    /// What was read if a span has neither, as EDN, such as nil. Without this option, that is an error.
    #[arg(long, value_name = "VALUE", requires = "otlp", value_parser = values::edn)]
    absent: Option<Value>,

    /// The attributes that name the process, which does one operation at a time, separated by commas. Without this option, only
    /// time orders operations.
    #[arg(long, value_name = "ATTRIBUTE,…", requires = "otlp", value_delimiter = ',')]
    process: Vec<String>,

    /// Attributes and their values that tell that an operation did not happen: error.type=conflict,http.response.status_code=409.
    #[arg(long, value_name = "ATTRIBUTE=VALUE,…", requires = "otlp", value_delimiter = ',', value_parser = parse_pair)]
    failures: Vec<(String, String)>,

    /// How far the clocks of two services may be apart, in milliseconds or with a unit: operations count as so much longer.
    #[arg(long, value_name = "MS", requires = "otlp", conflicts_with = "process", value_parser = values::milliseconds)]
    clock_error: Option<Duration>,
}

impl TraceArguments {
    /// How to read a trace, if the files are traces.
    pub(super) fn mapping(&self) -> Option<Mapping> {
        let clock_error = self.clock_error.unwrap_or_default();
        self.otlp.then(|| Mapping {
            operation: self.operation.clone(),
            functions: self.functions.clone(),
            key: self.key.clone(),
            value: self.value.clone(),
            result: self.result.clone(),
            absent: self.absent.clone(),
            process: self.process.clone(),
            failures: self.failures.clone(),
            clock_error_ns: u64::try_from(clock_error.as_nanos()).unwrap_or(u64::MAX),
        })
    }
}

/// A name and what it stands for. The last `=` separates them: what stands in traces may have one itself.
fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((name, meaning)) if !name.trim().is_empty() && !meaning.trim().is_empty() => {
            Ok((name.trim().to_owned(), meaning.trim().to_owned()))
        }
        _ => Err("expected a name, = and what it means".to_owned()),
    }
}
