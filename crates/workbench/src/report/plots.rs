//! The three plots of a run: `latency-raw`, `latency-quantiles` and `rate`, each as `.svg` and as `.png`.
//!
//! All three have the same frame: one panel for each function, one above the other, over one axis of time, with the
//! faults above and through them. So what happened at a moment stands on one vertical line in all of them.

mod frame;
mod quantiles;
mod rate;
mod raw;

use std::path::Path;

use super::perf::Perf;
use super::raster::png;
use super::svg::Svg;
use super::{ReportError, write_file};

pub use quantiles::latency_quantiles;
pub use rate::rate;
pub use raw::latency_raw;

/// The files of [`write_plots`], without their endings, in the order in which a page shows them.
pub const PLOTS: [&str; 3] = ["latency-raw", "latency-quantiles", "rate"];

/// Draws the three plots into a run's directory. The title says which run it is: `lin-kv, seed 42`.
///
/// Costs some tens of milliseconds, however long the run was.
///
/// # Errors
///
/// When a file cannot be written.
pub fn write_plots(perf: &Perf, title: &str, directory: &Path) -> Result<(), ReportError> {
    let drawings = [latency_raw(perf, title), latency_quantiles(perf, title), rate(perf, title)];
    for (name, drawing) in PLOTS.iter().zip(&drawings) {
        write_plot(drawing, &directory.join(name))?;
    }
    Ok(())
}

fn write_plot(drawing: &Svg, path: &Path) -> Result<(), ReportError> {
    write_file(&path.with_extension("svg"), drawing.finish().as_bytes())?;
    let path = path.with_extension("png");
    let bytes = png(drawing).map_err(|source| ReportError::Raster { path: path.clone(), source })?;
    write_file(&path, &bytes)
}

#[cfg(test)]
mod tests;
