//! What the three plots share: paper, title, faults, panels, axes.

use glomers_workbench::verdict::perf::{Function, Perf};

use crate::report::{
    axis::{Scale, Tick, grouped, time_ticks},
    escape::shortened,
    ink::Ink,
    svg::{Anchor, Style, Svg, Text},
};

const WIDTH: f64 = 900.0;
/// The height of a plot with few functions. With more it is taller, so that every panel stays readable.
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 66.0;
const HEADER: f64 = 38.0;
const FAULT_LANE: f64 = 13.0;
const PANEL_HEADING: f64 = 22.0;
const PANEL_GAP: f64 = 8.0;
const LOWEST_PANEL: f64 = 88.0;
const TIME_AXIS: f64 = 26.0;

/// A plot without its data: axes, labels and faults.
pub(super) struct Frame<'a> {
    pub(super) svg: Svg,
    /// The x coordinate of a time in seconds.
    pub(super) time: Scale,
    pub(super) panels: Vec<Panel<'a>>,
    /// Where the panels end at the right.
    pub(super) right: f64,
    perf: &'a Perf,
}

/// The part of a plot that belongs to one function.
pub(super) struct Panel<'a> {
    pub(super) function: &'a Function,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl<'a> Frame<'a> {
    /// The paper with its title, the run's name, the axis of time and the faults; `right_margin` pixels are left for
    /// labels beside the panels. Without data it holds one sentence and no panel.
    pub(super) fn new(perf: &'a Perf, heading: &str, title: &str, right_margin: f64) -> Frame<'a> {
        let functions: Vec<&Function> =
            perf.functions().iter().filter(|function| completed(function) > 0).collect();
        let names = perf.faults().names();
        let lanes = HEADER + FAULT_LANE * names.len() as f64;
        let count = functions.len().max(1) as f64;
        let around = PANEL_HEADING + PANEL_GAP;
        let height = HEIGHT.max(lanes + count * (LOWEST_PANEL + around) + TIME_AXIS);
        let panel_height = (height - lanes - TIME_AXIS) / count;

        let mut svg = Svg::new(WIDTH, height, &format!("{heading}: {title}"));
        svg.text([14.0, 24.0], heading, Text::new(Ink::Text, 15.0).bold());
        svg.text(
            [WIDTH - 14.0, 24.0],
            &shortened(title, 90),
            Text::new(Ink::Muted, 11.5).anchor(Anchor::End),
        );
        let right = WIDTH - right_margin;
        let time = Scale::linear(0.0, perf.end_ns() as f64 / 1e9, LEFT, right);
        let panels = functions
            .into_iter()
            .enumerate()
            .map(|(index, function)| {
                let top = lanes + index as f64 * panel_height + PANEL_HEADING;
                Panel { function, top, bottom: lanes + (index + 1) as f64 * panel_height - PANEL_GAP }
            })
            .collect();
        let mut frame = Frame { svg, time, panels, right, perf };
        if frame.panels.is_empty() {
            frame.say("No operation completed, so there is nothing to plot.");
        } else {
            frame.draw_faults(&names);
            frame.draw_time();
        }
        frame
    }

    /// Draws the lines and labels of the values of one panel; `scale` maps a value to its y coordinate.
    pub(super) fn draw_values(&mut self, panel: usize, scale: &Scale, ticks: &[Tick]) {
        for Tick { value, label } in ticks {
            let y = scale.at(*value);
            let opacity = if label.is_some() { 1.0 } else { 0.45 };
            self.svg.line([LEFT, y], [self.right, y], Style::stroke(Ink::Grid, 1.0).opacity(opacity));
            if let Some(label) = label {
                let text = Text::new(Ink::Muted, 10.5).anchor(Anchor::End);
                self.svg.text([LEFT - 8.0, y + 3.5], label, text);
            }
        }
        let bottom = self.panels[panel].bottom;
        self.svg.line([LEFT, bottom], [self.right, bottom], Style::stroke(Ink::Muted, 1.0).opacity(0.6));
    }

    /// Writes a panel's heading: the function, then the legend.
    pub(super) fn draw_heading(&mut self, panel: usize, notes: &[(String, Ink)]) {
        let Panel { function, top, .. } = &self.panels[panel];
        let name = shortened(&function.name, 40);
        let mut runs = vec![(name.as_str(), Text::new(Ink::Text, 12.0).bold())];
        for (note, ink) in notes {
            let text = Text::new(*ink, 11.5);
            runs.push(("    ", text));
            runs.push((note, if *ink == Ink::Muted { text } else { text.bold() }));
        }
        self.svg.text_runs([LEFT, top - 7.0], &runs);
    }

    /// The number of operations of the panel's function by outcome, each in the colour of its data.
    pub(super) fn outcome_notes(&self, panel: usize) -> Vec<(String, Ink)> {
        let outcomes = self.panels[panel].function.outcomes.iter();
        outcomes
            .filter(|(_, outcome)| outcome.total.count() > 0)
            .map(|(kind, outcome)| {
                (format!("{} {kind}", grouped(outcome.total.count() as f64)), Ink::of(kind))
            })
            .collect()
    }

    fn say(&mut self, sentence: &str) {
        let text = Text::new(Ink::Muted, 14.0).anchor(Anchor::Middle);
        self.svg.text([WIDTH / 2.0, HEIGHT / 2.0], sentence, text);
    }

    /// A lane for each fault above the panels, and its shade through all of them.
    fn draw_faults(&mut self, names: &[&str]) {
        let end_ns = self.perf.end_ns();
        for (lane, name) in names.iter().enumerate() {
            let top = HEADER + lane as f64 * FAULT_LANE;
            let label = Text::new(Ink::Fault, 10.5).anchor(Anchor::End);
            self.svg.text([LEFT - 8.0, top + 8.0], &shortened(name, 11), label);
            for span in self.perf.faults().spans().iter().filter(|span| span.name == *name) {
                let from = self.time.at(span.start_ns as f64 / 1e9);
                let to = self.time.at(span.end_ns.unwrap_or(end_ns) as f64 / 1e9);
                let width = (to - from).max(1.0);
                self.svg.rect([from, top + 1.0], [width, 7.0], Style::fill(Ink::Fault).opacity(0.75));
                for panel in &self.panels {
                    let size = [width, panel.bottom - panel.top];
                    self.svg.rect([from, panel.top], size, Style::fill(Ink::Fault).opacity(0.11));
                }
            }
        }
    }

    fn draw_time(&mut self) {
        let ticks = time_ticks(self.perf.end_ns() as f64 / 1e9, 10);
        let Some(lowest) = self.panels.last().map(|panel| panel.bottom) else { return };
        for Tick { value, label } in &ticks {
            let x = self.time.at(*value);
            for panel in &self.panels {
                self.svg.line([x, panel.top], [x, panel.bottom], Style::stroke(Ink::Grid, 1.0).opacity(0.7));
            }
            if let Some(label) = label {
                let text = Text::new(Ink::Muted, 10.5).anchor(Anchor::Middle);
                self.svg.text([x, lowest + 17.0], label, text);
            }
        }
    }
}

/// How many operations of a function completed.
pub(super) fn completed(function: &Function) -> u64 {
    function.outcomes.iter().map(|(_, outcome)| outcome.total.count()).sum()
}

/// A round width for the windows of a plot, in nanoseconds: a multiple of the collector's windows, so wide that there
/// are at most `windows` of them, each with about `operations` of the `total`.
pub(super) fn window_ns(perf: &Perf, windows: u64, operations: u64, total: u64) -> u64 {
    let for_count = perf.end_ns() / windows;
    let for_data = (u128::from(perf.end_ns()) * u128::from(operations) / u128::from(total.max(1))) as u64;
    let wanted = for_count.max(for_data.min(perf.end_ns() / 4));
    let mut decade = 1;
    loop {
        for step in [1, 2, 5] {
            let width = decade * step;
            if width >= wanted && width.is_multiple_of(perf.window_ns()) {
                return width;
            }
        }
        decade *= 10;
    }
}
