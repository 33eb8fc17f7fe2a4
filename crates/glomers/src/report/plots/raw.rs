//! `latency-raw`: every operation as a dot: its invocation to the right, its latency upwards.

use glomers_workbench::verdict::perf::{Cell, LatencyGrid, Perf};
use rustc_hash::FxHashMap;

use super::frame::Frame;
use crate::report::{
    axis::{Scale, latency_ticks, round_down, round_up},
    ink::Ink,
    svg::{Path, Point, Style, Svg},
};

/// Up to this many dots of one colour are drawn separately; more are thinned to a grid.
const FEW_DOTS: usize = 1500;

/// If a factor of ten is higher than this, in pixels, there is room for lines between its ends.
pub(super) const FINE_DECADE: f64 = 48.0;

/// The pitch, in pixels, of the grid that dots are thinned to.
const PITCH: f64 = 1.5;

/// Up to how many operations one dot of the thinned grid represents, and its opacity.
const SHADES: [(u64, f64); 4] = [(1, 0.38), (3, 0.6), (9, 0.8), (u64::MAX, 1.0)];

/// Draws the latency of every operation, coloured by outcome. Where dots would cover each other, their shade shows
/// their number, so no operation is left out.
pub fn latency_raw(perf: &Perf, title: &str) -> Svg {
    let mut frame = Frame::new(perf, "Latency of every operation", title, 18.0);
    let (lowest_ms, highest_ms) = latency_range_ms(perf);
    for index in 0..frame.panels.len() {
        let panel = &frame.panels[index];
        let scale = Scale::logarithmic(lowest_ms, highest_ms, panel.bottom, panel.top);
        let outcomes = &panel.function.outcomes;
        let fine = scale.at(lowest_ms) - scale.at(10.0 * lowest_ms) > FINE_DECADE;
        frame.draw_values(index, &scale, &latency_ticks(lowest_ms, highest_ms, fine));
        let notes = frame.outcome_notes(index);
        frame.draw_heading(index, &notes);
        for (kind, outcome) in outcomes.iter() {
            let dots = dots(&outcome.latencies, perf.window_ns(), &frame.time, &scale);
            draw_dots(&mut frame.svg, dots, Ink::of(kind));
        }
    }
    frame.svg
}

/// The latencies that a plot must reach, in milliseconds, rounded outwards: at least a factor of five.
pub(super) fn latency_range_ms(perf: &Perf) -> (f64, f64) {
    let outcomes = perf.functions().iter().flat_map(|function| function.outcomes.iter());
    let latencies_ms =
        outcomes.flat_map(|(_, outcome)| outcome.latencies.columns().flatten()).map(Cell::latency_ms);
    let (lowest, highest) = latencies_ms.fold((f64::INFINITY, 0.0f64), |(lowest, highest), latency| {
        (lowest.min(latency), highest.max(latency))
    });
    if highest == 0.0 {
        return (0.1, 1000.0);
    }
    let (lowest, highest) = (round_down(lowest * 0.98), round_up(highest * 1.02));
    if highest / lowest < 5.0 {
        (round_down(lowest * 0.7), round_up(highest * 1.4))
    } else {
        (lowest, highest)
    }
}

/// The positions of dots, and how many operations each represents.
fn dots(latencies: &LatencyGrid, window_ns: u64, time: &Scale, scale: &Scale) -> Vec<(Point, u64)> {
    let window_s = window_ns as f64 / 1e9;
    let columns = latencies.columns().enumerate();
    columns
        .flat_map(|(column, cells)| cells.iter().map(move |cell| (column as f64 + cell.offset(), cell)))
        .map(|(begun, cell)| {
            ([time.at(begun * window_s), scale.at(cell.latency_ms())], u64::from(cell.count))
        })
        .collect()
}

fn draw_dots(svg: &mut Svg, dots: Vec<(Point, u64)>, ink: Ink) {
    if dots.len() <= FEW_DOTS {
        let mut path = Path::new();
        dots.iter().for_each(|(point, _)| path.dot(*point, 2.0));
        svg.path(&path, Style::fill(ink).opacity(0.7));
        return;
    }
    let mut paths = SHADES.map(|_| Path::new());
    for (point, count) in thinned(dots) {
        let shade = SHADES.iter().position(|(limit, _)| count <= *limit).unwrap_or(SHADES.len() - 1);
        paths[shade].speck(point, 0.6 * PITCH);
    }
    for (path, (_, opacity)) in paths.iter().zip(SHADES) {
        svg.path(path, Style::fill(ink).opacity(opacity));
    }
}

/// One dot in the middle of each square of the pitch that has any, in the order of their first appearance.
fn thinned(dots: Vec<(Point, u64)>) -> Vec<(Point, u64)> {
    let mut places: FxHashMap<[i32; 2], usize> = FxHashMap::default();
    let mut thinned: Vec<(Point, u64)> = Vec::new();
    for (point, count) in dots {
        let square = point.map(|value| (value / PITCH).floor() as i32);
        let place = *places.entry(square).or_insert(thinned.len());
        match thinned.get_mut(place) {
            Some((_, sum)) => *sum += count,
            None => thinned.push((square.map(|value| (f64::from(value) + 0.5) * PITCH), count)),
        }
    }
    thinned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_loses_places_but_no_operation() {
        let dots: Vec<(Point, u64)> =
            (0..10_000).map(|index| ([f64::from(index % 300), f64::from(index % 7)], 1)).collect();
        let thin = thinned(dots);
        assert!(thin.len() <= 300 * 7);
        assert_eq!(thin.iter().map(|(_, count)| count).sum::<u64>(), 10_000);
    }

    #[test]
    fn the_range_reaches_all_latencies_and_is_never_flat() {
        assert_eq!(latency_range_ms(&Perf::new()), (0.1, 1000.0));
    }
}
