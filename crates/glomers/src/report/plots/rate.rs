//! `rate`: how many operations completed each second, and how.

use glomers_workbench::verdict::perf::{Function, Outcome, Perf};

use super::frame::{Frame, Panel, completed, window_ns};
use crate::report::{
    axis::{Scale, duration_label, linear_ticks},
    ink::Ink,
    svg::{Path, Style, Svg},
};

/// Draws the completions per second in each window of time, by function and outcome.
pub fn rate(perf: &Perf, title: &str) -> Svg {
    let mut frame = Frame::new(perf, "Operations completed per second", title, 18.0);
    let busiest = frame.panels.iter().map(|panel| completed(panel.function)).max().unwrap_or(0);
    let windows = Windows::new(perf, window_ns(perf, 80, 5, busiest));
    let highest = highest_rate(perf, &windows);
    for index in 0..frame.panels.len() {
        let Panel { function, top, bottom } = frame.panels[index];
        let scale = Scale::linear(0.0, highest * 1.05, bottom, top);
        frame.draw_values(index, &scale, &linear_ticks(highest, if bottom - top > 180.0 { 6 } else { 3 }));
        let mut notes = frame.outcome_notes(index);
        notes.push((format!("windows of {}", duration_label(windows.width_ns as f64 / 1e6)), Ink::Muted));
        frame.draw_heading(index, &notes);
        for (kind, outcome) in present(function) {
            let rates = windows.rates(outcome);
            draw_steps(&mut frame.svg, &windows, &rates, &frame.time, &scale, Ink::of(kind));
        }
    }
    frame.svg
}

/// The windows of one plot.
struct Windows {
    width_ns: u64,
    end_ns: u64,
    /// How many of the collector's windows make one of these.
    collected: usize,
    count: usize,
}

impl Windows {
    /// Windows of this width. The remainder is part of the last one, unless it is more than half a window.
    fn new(perf: &Perf, width_ns: u64) -> Windows {
        let end_ns = perf.end_ns();
        let count = ((end_ns as f64 / width_ns as f64).round() as usize).max(1);
        Windows { width_ns, end_ns, collected: (width_ns / perf.window_ns()) as usize, count }
    }

    /// When a window begins, in seconds; for the window after the last, the end of the run.
    fn begin_s(&self, window: usize) -> f64 {
        let begin_ns = if window == self.count { self.end_ns } else { window as u64 * self.width_ns };
        begin_ns as f64 / 1e9
    }

    /// Completions per second in each window.
    fn rates(&self, outcome: &Outcome) -> Vec<f64> {
        let mut counts = vec![0u64; self.count];
        for (index, count) in outcome.completions.iter().enumerate() {
            counts[(index / self.collected).min(self.count - 1)] += u64::from(*count);
        }
        let widths_s = (0..self.count).map(|window| self.begin_s(window + 1) - self.begin_s(window));
        // A run of no duration has one window, which counts as a nanosecond.
        counts.iter().zip(widths_s).map(|(count, width_s)| *count as f64 / width_s.max(1e-9)).collect()
    }
}

/// The outcomes that a function had.
fn present(function: &Function) -> impl Iterator<Item = (glomers_check::OperationKind, &Outcome)> {
    function.outcomes.iter().filter(|(_, outcome)| outcome.total.count() > 0)
}

fn highest_rate(perf: &Perf, windows: &Windows) -> f64 {
    let outcomes = perf.functions().iter().flat_map(present);
    outcomes.flat_map(|(_, outcome)| windows.rates(outcome)).fold(0.0, f64::max)
}

/// A line of steps, as wide as the windows, over a tint of its colour.
fn draw_steps(svg: &mut Svg, windows: &Windows, rates: &[f64], time: &Scale, scale: &Scale, ink: Ink) {
    let (mut line, mut area) = (Path::new(), Path::new());
    area.move_to([time.at(0.0), scale.at(0.0)]);
    for (window, rate) in rates.iter().enumerate() {
        let [from, to] = [window, window + 1].map(|window| time.at(windows.begin_s(window)));
        let y = scale.at(*rate);
        if window == 0 {
            line.move_to([from, y]);
        } else {
            line.line_to([from, y]);
        }
        line.line_to([to, y]);
        area.line_to([from, y]);
        area.line_to([to, y]);
    }
    area.line_to([time.at(windows.begin_s(windows.count)), scale.at(0.0)]);
    area.close();
    svg.path(&area, Style::fill(ink).opacity(0.12));
    svg.path(&line, Style::stroke(ink, 1.6));
}
