//! `glomers serve`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use super::{
    exit::{CliError, ExitStatus},
    output,
};

/// The options of `glomers serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The port to listen on.
    #[arg(short, long, value_name = "NUMBER", default_value_t = 8080)]
    port: u16,

    /// The address to listen on. 0.0.0.0 shows the store to the whole network.
    #[arg(short = 'b', long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: std::net::IpAddr,

    /// Another host name under which browsers may reach this server, besides localhost; may be repeated.
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,

    /// The directory that holds the runs.
    #[arg(long, value_name = "DIR", default_value = "store")]
    store: PathBuf,
}

impl ServeArguments {
    pub(crate) fn run(self) -> Result<ExitStatus, CliError> {
        let address = SocketAddr::new(self.host, self.port);
        crate::serve::serve(&self.store, address, self.allow_host, |address| {
            output::note(&format!("Showing {} at http://{address}/ (Ctrl-C ends it)", self.store.display()));
        })?;
        Ok(ExitStatus::Valid)
    }
}
