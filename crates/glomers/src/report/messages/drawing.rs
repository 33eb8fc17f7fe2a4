//! Lines, arrows and words.

use super::{
    Mark, Message, Messages, What,
    layout::{Host, Layout, Role},
};
use crate::report::{
    axis::{duration_label, grouped},
    escape::shortened,
    ink::Ink,
    svg::{Anchor, Path, Point, Style, Svg, Text},
};

const GUTTER: f64 = 76.0;
const TOP: f64 = 78.0;
const BOTTOM: f64 = 40.0;
/// The mean width of a character of a label, in pixels.
const CHARACTER: f64 = 5.0;
/// The least distance of two times, in pixels.
const TIME_GAP: f64 = 26.0;

pub(super) fn draw(messages: &Messages, title: &str) -> Svg {
    let layout = Layout::new(&messages.messages, &messages.marks);
    let pitch = if layout.columns <= 10 { 130.0 } else { 96.0 };
    let width = (2.0 * GUTTER + pitch * layout.columns as f64).max(620.0);
    let height = TOP + layout.heights.last().copied().unwrap_or(60.0) + BOTTOM;
    let svg = Svg::new(width, height, &format!("Messages: {title}"));
    let mut sheet = Sheet { svg, messages, layout, pitch, width, height };
    sheet.draw_header(title);
    sheet.draw_faults();
    sheet.draw_times();
    sheet.draw_hosts();
    sheet.draw_messages();
    sheet.svg
}

struct Sheet<'a> {
    svg: Svg,
    messages: &'a Messages,
    layout: Layout<'a>,
    pitch: f64,
    width: f64,
    height: f64,
}

impl Sheet<'_> {
    fn draw_header(&mut self, title: &str) {
        let shown = self.messages.messages.len() as u64;
        let sentence = match (shown, self.messages.omitted) {
            (0, _) => "No message was sent, so there is nothing to draw.".to_owned(),
            (_, 0) => format!("All {} messages. Point at an arrow to read its body.", grouped(shown as f64)),
            (_, omitted) => format!(
                "The first {} of {} messages; the journal of the run has them all. Point at an arrow to read its body.",
                grouped(shown as f64),
                grouped((shown + omitted) as f64)
            ),
        };
        let heading =
            [("Messages", Text::new(Ink::Text, 15.0).bold()), ("    ", Text::new(Ink::Muted, 11.5))];
        let title = shortened(title, 90);
        self.svg.text_runs([14.0, 24.0], &[heading[0], heading[1], (&title, Text::new(Ink::Muted, 11.5))]);
        self.svg.text([14.0, 42.0], &sentence, Text::new(Ink::Muted, 11.5));
    }

    /// A band across the paper for each fault, from the first event after it began to the first after it ended.
    fn draw_faults(&mut self) {
        let Some(last_ns) = self.messages.marks.last().map(|mark| mark.time_ns) else { return };
        for span in self.messages.faults.spans().iter().filter(|span| span.start_ns <= last_ns) {
            let from = self.height_at(span.start_ns);
            let to = span.end_ns.map_or(self.height - BOTTOM / 2.0, |end_ns| self.height_at(end_ns));
            let size = [self.width, (to - from).max(2.0)];
            self.svg.rect([0.0, from], size, Style::fill(Ink::Fault).opacity(0.12));
            let label = Text::new(Ink::Fault, 11.0).anchor(Anchor::End).bold();
            self.svg.text([self.width - 8.0, from + 13.0], &shortened(&span.name, 24), label);
        }
    }

    fn draw_times(&mut self) {
        let mut free = 0.0;
        for (mark, height) in self.messages.marks.iter().zip(&self.layout.heights) {
            let y = TOP + height;
            if y < free {
                continue;
            }
            free = y + TIME_GAP;
            self.svg.line(
                [GUTTER - 12.0, y],
                [self.width - 12.0, y],
                Style::stroke(Ink::Grid, 1.0).opacity(0.6),
            );
            let label = Text::new(Ink::Muted, 10.0).anchor(Anchor::End);
            self.svg.text([GUTTER - 16.0, y + 3.5], &time_label(mark.time_ns), label);
        }
    }

    /// A vertical line for each host. Nodes and services are named at the top, a client where it first appears.
    fn draw_hosts(&mut self) {
        let hosts: Vec<(&str, Host)> = self.layout.hosts().map(|(name, host)| (name, *host)).collect();
        for (name, host) in hosts {
            let x = self.x(host.column);
            let client = host.role == Role::Client;
            let [from, to] = if client {
                [TOP + self.layout.heights[host.first] - 6.0, TOP + self.layout.heights[host.last] + 4.0]
            } else {
                [TOP - 8.0, self.height - BOTTOM / 2.0]
            };
            let ink = if client { Ink::Client } else { Ink::Text };
            self.svg.line(
                [x, from],
                [x, to],
                Style::stroke(ink, 1.0).opacity(if client { 0.9 } else { 0.5 }),
            );
            let label = Text::new(ink, 11.5).anchor(Anchor::Middle).bold().halo();
            self.svg.text([x, if client { from - 3.0 } else { TOP - 14.0 }], &shortened(name, 16), label);
        }
    }

    fn draw_messages(&mut self) {
        let messages = self.messages;
        let mut sent = vec![None; messages.messages.len()];
        let mut ended = vec![false; messages.messages.len()];
        for (index, mark) in messages.marks.iter().enumerate() {
            match mark.what {
                What::Sent => sent[mark.message] = Some(index),
                What::Delivered | What::Dropped { .. } => {
                    ended[mark.message] = true;
                    if let Some(start) = sent[mark.message] {
                        self.draw_end(mark, start, index);
                    }
                }
            }
        }
        for (message, start) in sent.into_iter().enumerate().filter(|(message, _)| !ended[*message]) {
            if let Some(start) = start {
                self.draw_unfinished(&messages.messages[message], start);
            }
        }
    }

    /// A message that was delivered or dropped.
    fn draw_end(&mut self, mark: &Mark, start: usize, end: usize) {
        let message = &self.messages.messages[mark.message];
        let [from, to] = self.ends(message, start, end);
        let times = [start, end].map(|index| time_label(self.messages.marks[index].time_ns));
        let fate = match &mark.what {
            What::Dropped { reason } => format!("dropped at {}: {reason}", times[1]),
            What::Sent | What::Delivered => format!("delivered at {}", times[1]),
        };
        let Message { src, dest, body, .. } = message;
        let tip = format!("{src} → {dest}, sent at {}, {fate}\n{body}", times[0]);
        let ink = ink(message);
        self.svg.with_tip(&tip, |svg| match &mark.what {
            What::Dropped { reason } => {
                // It was lost, so its arrow ends before the receiver.
                let to = [from[0] + (to[0] - from[0]) * 0.78, from[1] + (to[1] - from[1]) * 0.78];
                svg.line(from, to, Style::stroke(Ink::Lost, 1.2).dashed(4.0, 3.0));
                draw_cross(svg, to);
                draw_label(svg, from, to, &message.label, Ink::Lost);
                let text = Text::new(Ink::Lost, 9.5).anchor(Anchor::Middle).bold().halo();
                svg.text([to[0], to[1] + 14.0], reason, text);
            }
            What::Sent | What::Delivered => {
                draw_arrow(svg, from, to, ink);
                draw_label(svg, from, to, &message.label, ink);
            }
        });
    }

    /// A message that was on its way when the journal, or the drawing, ended.
    fn draw_unfinished(&mut self, message: &Message, start: usize) {
        let [from, to] = self.ends(message, start, start);
        let to = [from[0] + (to[0] - from[0]).clamp(-30.0, 30.0), from[1] + 6.0];
        let Message { src, dest, body, .. } = message;
        let tip = format!(
            "{src} → {dest}, sent at {}, on its way\n{body}",
            time_label(self.messages.marks[start].time_ns)
        );
        let style = Style::stroke(ink(message), 1.2).dashed(2.0, 3.0);
        self.svg.with_tip(&tip, |svg| svg.line(from, to, style));
    }

    /// The points where a message starts and ends.
    fn ends(&self, message: &Message, start: usize, end: usize) -> [Point; 2] {
        let place = |name, index: usize| [self.x(self.layout.column(name)), TOP + self.layout.heights[index]];
        [place(message.src.as_str(), start), place(message.dest.as_str(), end)]
    }

    fn x(&self, column: usize) -> f64 {
        GUTTER + self.pitch * (column as f64 + 0.5)
    }

    /// The index of the first event at or after a time.
    fn height_at(&self, time_ns: u64) -> f64 {
        let index = self.messages.marks.partition_point(|mark| mark.time_ns < time_ns);
        self.layout.heights.get(index).map_or(self.height - BOTTOM / 2.0, |height| TOP + height - 6.0)
    }
}

/// The colour of a message: those between servers are more prominent than those with a client.
fn ink(message: &Message) -> Ink {
    let client = [&message.src, &message.dest]
        .into_iter()
        .any(|name| name.strip_prefix('c').is_some_and(|number| number.parse::<u64>().is_ok()));
    if client { Ink::Client } else { Ink::Server }
}

fn time_label(time_ns: u64) -> String {
    if time_ns < 1_000_000_000 {
        duration_label(time_ns as f64 / 1e6)
    } else {
        format!("{:.4} s", time_ns as f64 / 1e9)
    }
}

/// An arrow; from a host to itself it is a bow at its right side.
fn draw_arrow(svg: &mut Svg, from: Point, to: Point, ink: Ink) {
    let mut line = Path::new();
    line.move_to(from);
    let before = if from[0] == to[0] {
        line.line_to([from[0] + 22.0, from[1] + 2.0]);
        line.line_to([to[0] + 22.0, to[1] - 2.0]);
        [to[0] + 22.0, to[1] - 2.0]
    } else {
        from
    };
    line.line_to(to);
    svg.path(&line, Style::stroke(ink, 1.2));
    let angle = (to[1] - before[1]).atan2(to[0] - before[0]);
    let corner = |turn: f64| [to[0] - 8.0 * (angle + turn).cos(), to[1] - 8.0 * (angle + turn).sin()];
    let mut head = Path::new();
    head.move_to(to);
    head.line_to(corner(0.36));
    head.line_to(corner(-0.36));
    head.close();
    svg.path(&head, Style::fill(ink));
}

fn draw_cross(svg: &mut Svg, [x, y]: Point) {
    let mut cross = Path::new();
    for side in [-4.0, 4.0] {
        cross.move_to([x - 4.0, y - side]);
        cross.line_to([x + 4.0, y + side]);
    }
    svg.path(&cross, Style::stroke(Ink::Lost, 2.0));
}

/// Writes a label along its arrow, cut to the arrow's length.
fn draw_label(svg: &mut Svg, from: Point, to: Point, label: &str, ink: Ink) {
    let [width, height] = [to[0] - from[0], to[1] - from[1]];
    let ink = if ink == Ink::Client { Ink::Muted } else { ink };
    if width == 0.0 {
        let text = Text::new(ink, 9.5).halo();
        svg.text([from[0] + 27.0, (from[1] + to[1]) / 2.0 + 3.0], &shortened(label, 16), text);
        return;
    }
    let fits = ((width.hypot(height) - 24.0) / CHARACTER).max(4.0) as usize;
    // The text reads from left to right, whichever way the arrow points.
    let turn_degrees = if width > 0.0 { height.atan2(width) } else { (-height).atan2(-width) }.to_degrees();
    let text = Text::new(ink, 9.5).anchor(Anchor::Middle).halo().turned(turn_degrees);
    // Nearer to the start than to the end: there the arrows of a burst to many hosts no longer overlap, and cross few others.
    svg.text([from[0] + 0.42 * width, from[1] + 0.42 * height - 3.5], &shortened(label, fits), text);
}
