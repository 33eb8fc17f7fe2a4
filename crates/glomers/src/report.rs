//! The reports of a run: plots, diagrams, the timeline.
//!
//! The reports collect events during the run, in bounded memory, and are drawn once at the end. Nothing
//! outside the binary is needed: the SVG is written here and the PNG is rasterised from that same SVG with an embedded font.
//!
//! In reading order:
//!
//! - [`plots`] draws them: `latency-raw`, `latency-quantiles` and `rate`.
//! - [`messages`] collects the network's journal and draws the Lamport diagram `messages.svg`.
//! - [`timeline`] collects operations and writes `timeline.html`.
//! - [`cycles`] draws the cycles of transactions that the checker found.
//! - [`svg`], [`ink`], [`axis`], [`raster`] and [`escape`] are the tools of the others.

pub mod axis;
pub mod cycles;
pub mod escape;
pub mod ink;
pub mod messages;
pub mod plots;
pub mod raster;
pub mod svg;
pub mod timeline;

use std::path::{Path, PathBuf};

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file system refused.
    #[error(
        "the report {path} could not be written: {source} (is the disk full, or the store not writable?)"
    )]
    Write {
        /// The file that was being written.
        path: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// The drawing could not be turned into pixels.
    #[error("the plot {path} could not be rasterised: {source}")]
    Raster {
        /// The PNG that was being drawn.
        path: PathBuf,
        /// What the rasteriser answered.
        source: raster::RasterError,
    },
}

/// Writes one whole file, naming it in the error.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    std::fs::write(path, bytes).map_err(|source| ReportError::Write { path: path.to_owned(), source })
}
