//! `latency-quantiles`: how the latencies of each window of time are distributed.

use glomers_workbench::verdict::perf::{Cell, Function, Perf, quantiles_ms};

use super::{
    frame::{Frame, Panel, completed, window_ns},
    raw::{FINE_DECADE, latency_range_ms},
};
use crate::report::{
    axis::{Scale, duration_label, grouped, latency_ticks},
    ink::Ink,
    svg::{Path, Point, Style, Svg, Text},
};

const QUANTILES: [f64; 4] = [0.5, 0.95, 0.99, 1.0];
const INKS: [(Ink, &str); 4] =
    [(Ink::Median, "median"), (Ink::P95, "95 %"), (Ink::P99, "99 %"), (Ink::Max, "max")];

/// The least distance of two labels' base lines, in pixels.
const LABEL_GAP: f64 = 12.0;

/// Draws the median, the 0.95 and 0.99 quantile and the maximum of the latencies in each window of time, over
/// operations of every outcome. A window without operations interrupts the lines.
pub fn latency_quantiles(perf: &Perf, title: &str) -> Svg {
    let mut frame = Frame::new(perf, "Latency quantiles", title, 62.0);
    let (lowest_ms, highest_ms) = latency_range_ms(perf);
    for index in 0..frame.panels.len() {
        let Panel { function, top, bottom } = frame.panels[index];
        let scale = Scale::logarithmic(lowest_ms, highest_ms, bottom, top);
        let fine = scale.at(lowest_ms) - scale.at(10.0 * lowest_ms) > FINE_DECADE;
        frame.draw_values(index, &scale, &latency_ticks(lowest_ms, highest_ms, fine));
        let window_ns = window_ns(perf, 60, 8, completed(function));
        let count = grouped(completed(function) as f64);
        let note = format!(
            "{count} completed, quantiles over windows of {}",
            duration_label(window_ns as f64 / 1e6)
        );
        frame.draw_heading(index, &[(note, Ink::Muted)]);

        let lines = lines(perf, function, window_ns, &frame.time, &scale);
        let mut ends = Vec::new();
        for (line, (ink, label)) in lines.iter().zip(INKS).rev() {
            draw_line(&mut frame.svg, line, ink);
            ends.extend(line.iter().flatten().next_back().map(|point| (*point, ink, label)));
        }
        let right = frame.right;
        draw_labels(&mut frame.svg, ends, [right, bottom]);
    }
    frame.svg
}

/// For each quantile its points in the order of time, `None` where a window has no operation.
fn lines(
    perf: &Perf,
    function: &Function,
    window_ns: u64,
    time: &Scale,
    scale: &Scale,
) -> [Vec<Option<Point>>; 4] {
    let per_window = (window_ns / perf.window_ns()) as usize;
    let end_s = perf.end_ns() as f64 / 1e9;
    let windows = (perf.end_ns() / window_ns) as usize + 1;
    let mut lines: [Vec<Option<Point>>; 4] = Default::default();
    for window in 0..windows {
        let middle_s = ((window as f64 + 0.5) * window_ns as f64 / 1e9).min(end_s);
        let found = quantiles_ms(cells(function, window * per_window, per_window), QUANTILES);
        for (index, line) in lines.iter_mut().enumerate() {
            line.push(found.map(|quantiles| [time.at(middle_s), scale.at(quantiles[index])]));
        }
    }
    lines
}

/// The cells of all outcomes in `count` windows of the collector.
fn cells(function: &Function, first: usize, count: usize) -> Vec<Cell> {
    let outcomes = function.outcomes.iter();
    outcomes
        .flat_map(|(_, outcome)| outcome.latencies.columns().skip(first).take(count))
        .flatten()
        .copied()
        .collect()
}

fn draw_line(svg: &mut Svg, points: &[Option<Point>], ink: Ink) {
    let (mut line, mut dots) = (Path::new(), Path::new());
    for (index, point) in points.iter().enumerate() {
        let Some(point) = point else { continue };
        match index.checked_sub(1).and_then(|before| points[before]) {
            Some(_) => line.line_to(*point),
            None => line.move_to(*point),
        }
        dots.dot(*point, 2.0);
    }
    svg.path(&line, Style::stroke(ink, 1.6));
    svg.path(&dots, Style::fill(ink));
}

/// Names each line to the right of the panel, whose lower right corner is given, the labels pushed apart where the lines meet.
fn draw_labels(svg: &mut Svg, mut ends: Vec<(Point, Ink, &str)>, [right, bottom]: Point) {
    ends.sort_by(|left, right| left.0[1].total_cmp(&right.0[1]));
    let mut heights: Vec<f64> = ends.iter().map(|end| end.0[1] + 3.5).collect();
    for index in 1..heights.len() {
        heights[index] = heights[index].max(heights[index - 1] + LABEL_GAP);
    }
    // Labels that were pushed below the panel move up again, together with those above them.
    let mut lowest = bottom + 3.5;
    for height in heights.iter_mut().rev() {
        *height = height.min(lowest);
        lowest = *height - LABEL_GAP;
    }
    for ((_, ink, label), height) in ends.iter().zip(heights) {
        svg.text([right + 8.0, height], label, Text::new(*ink, 11.0).bold());
    }
}
