//! The three plots of a run: `latency-raw`, `latency-quantiles` and `rate`, each as `.svg` and as `.png`.
//!
//! All three have the same frame: one panel for each function, one above the other, over one axis of time, with the
//! faults above and through them. So a moment is on the same vertical line in all of them.

mod frame;
mod quantiles;
mod rate;
mod raw;

use std::path::Path;

use glomers_workbench::verdict::perf::Perf;
pub use quantiles::latency_quantiles;
pub use rate::rate;
pub use raw::latency_raw;

use super::{ReportError, raster::png, svg::Svg, write_file};

/// The files of [`write_plots`], without their endings, in the order in which a page shows them.
pub const PLOTS: [&str; 3] = ["latency-raw", "latency-quantiles", "rate"];

/// Draws the three plots into a run's directory. The title says which run it is: `lin-kv, seed 42`.
///
/// Takes some tens of milliseconds, regardless of the length of the run.
///
/// # Errors
///
/// When a file cannot be written.
pub fn write_plots(perf: &Perf, title: &str, directory: &Path) -> Result<(), ReportError> {
    let draw: [fn(&Perf, &str) -> Svg; 3] = [latency_raw, latency_quantiles, rate];
    // A run waits for this, and rasterising takes most of the time, so each plot has its own thread.
    std::thread::scope(|scope| {
        let plots = PLOTS.iter().zip(draw);
        let threads = plots
            .map(|(name, draw)| scope.spawn(move || write_plot(&draw(perf, title), &directory.join(name))));
        // All threads are started before the first is joined; a panic of one is resumed here.
        let threads: Vec<_> = threads.collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn write_plot(drawing: &Svg, path: &Path) -> Result<(), ReportError> {
    write_file(&path.with_extension("svg"), drawing.finish().as_bytes())?;
    let path = path.with_extension("png");
    let bytes = png(drawing).map_err(|source| ReportError::Raster { path: path.clone(), source })?;
    write_file(&path, &bytes)
}

#[cfg(test)]
mod tests;
