//! A small SVG writer: only the shapes that the reports need. All text is escaped.
//!
//! Colours are named by meaning ([`Ink`]). Each shape carries its light colour as an attribute, which is all a rasteriser reads, and
//! its class, through which a browser that prefers dark pages recolours the same file.

use std::{
    collections::BTreeSet,
    fmt::{self, Display, Write},
};

use super::{escape::Escaped, ink::Ink};

/// The typefaces of every drawing; the first is embedded in the binary, the rest serve browsers that lack it.
pub const FONT_FAMILY: &str = "Inter, system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif";

/// A drawing under construction.
///
/// ```
/// use glomers::report::{ink::Ink, svg::{Style, Svg, Text}};
/// let mut drawing = Svg::new(100.0, 20.0, "A line");
/// drawing.line([0.0, 10.0], [100.0, 10.0], Style::stroke(Ink::Grid, 1.0));
/// drawing.text([4.0, 8.0], "a < b", Text::new(Ink::Text, 10.0));
/// assert!(drawing.finish().contains("a &lt; b"));
/// ```
#[derive(Debug)]
pub struct Svg {
    width: f64,
    height: f64,
    title: String,
    body: String,
    inks: BTreeSet<Ink>,
}

/// A point or a size: x then y, in pixels, y downwards.
pub type Point = [f64; 2];

/// How a shape is painted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    fill: Option<Ink>,
    stroke: Option<(Ink, f64)>,
    opacity: f64,
    dashes: Option<(f64, f64)>,
}

impl Style {
    /// A filled shape without an outline.
    pub const fn fill(ink: Ink) -> Style {
        Style { fill: Some(ink), stroke: None, opacity: 1.0, dashes: None }
    }

    /// An outline, `width` pixels wide, of a shape that is not filled.
    pub const fn stroke(ink: Ink, width: f64) -> Style {
        Style { fill: None, stroke: Some((ink, width)), opacity: 1.0, dashes: None }
    }

    /// The same with an opacity: 0 is invisible, 1 is solid.
    pub const fn opacity(self, opacity: f64) -> Style {
        Style { opacity, ..self }
    }

    /// The same, the outline broken into dashes of `on` pixels, `off` pixels apart.
    pub const fn dashed(self, on: f64, off: f64) -> Style {
        Style { dashes: Some((on, off)), ..self }
    }
}

/// The style of a line of text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Text {
    ink: Ink,
    size: f64,
    anchor: Anchor,
    bold: bool,
    halo: bool,
    turn_degrees: f64,
}

/// Which part of a text is at its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Its left end.
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

impl Text {
    /// Regular weight, `size` pixels high, starting at its point.
    pub const fn new(ink: Ink, size: f64) -> Text {
        Text { ink, size, anchor: Anchor::Start, bold: false, halo: false, turn_degrees: 0.0 }
    }

    /// The same, anchored elsewhere.
    pub const fn anchor(self, anchor: Anchor) -> Text {
        Text { anchor, ..self }
    }

    /// The same, heavier.
    pub const fn bold(self) -> Text {
        Text { bold: true, ..self }
    }

    /// The same, with an outline in the colour of the paper, so that lines below do not cross the letters.
    pub const fn halo(self) -> Text {
        Text { halo: true, ..self }
    }

    /// The same, turned clockwise around its point.
    pub const fn turned(self, turn_degrees: f64) -> Text {
        Text { turn_degrees, ..self }
    }
}

impl Svg {
    /// An empty drawing; screen readers read the title.
    pub fn new(width: f64, height: f64, title: &str) -> Svg {
        let mut svg = Svg {
            width,
            height,
            title: title.to_owned(),
            body: String::new(),
            inks: BTreeSet::from([Ink::Text]),
        };
        svg.rect([0.0, 0.0], [width, height], Style::fill(Ink::Paper));
        svg
    }

    /// A rectangle from its upper left corner.
    pub fn rect(&mut self, corner: Point, size: Point, style: Style) {
        let [x, y] = corner.map(Number);
        let [width, height] = size.map(Number);
        self.shape(format_args!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\""), style);
    }

    /// A straight line.
    pub fn line(&mut self, from: Point, to: Point, style: Style) {
        let [x1, y1] = from.map(Number);
        let [x2, y2] = to.map(Number);
        self.shape(format_args!("<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\""), style);
    }

    /// A circle.
    pub fn circle(&mut self, centre: Point, radius: f64, style: Style) {
        let ([x, y], radius) = (centre.map(Number), Number(radius));
        self.shape(format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\""), style);
    }

    /// A path; nothing is drawn of an empty one.
    pub fn path(&mut self, path: &Path, style: Style) {
        if !path.data.is_empty() {
            self.shape(format_args!("<path d=\"{}\"", path.data), style);
        }
    }

    /// One line of text, escaped; its point is on the base line.
    pub fn text(&mut self, at: Point, content: &str, text: Text) {
        let ([x, y], size) = (at.map(Number), Number(text.size));
        self.write(format_args!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\""));
        self.paint(Some(text.ink), text.halo.then_some((Ink::Paper, 3.0)));
        match text.anchor {
            Anchor::Start => {}
            Anchor::Middle => self.body.push_str(" text-anchor=\"middle\""),
            Anchor::End => self.body.push_str(" text-anchor=\"end\""),
        }
        if text.bold {
            self.body.push_str(" font-weight=\"600\"");
        }
        if text.halo {
            self.body.push_str(" paint-order=\"stroke\"");
        }
        if text.turn_degrees != 0.0 {
            self.write(format_args!(" transform=\"rotate({} {x} {y})\"", Number(text.turn_degrees)));
        }
        self.write(format_args!(">{}</text>\n", Escaped(content)));
    }

    /// Several texts on one line, each in its own ink and weight, one after the other, starting at a point.
    pub fn text_runs(&mut self, at: Point, runs: &[(&str, Text)]) {
        let [x, y] = at.map(Number);
        self.write(format_args!("<text x=\"{x}\" y=\"{y}\" xml:space=\"preserve\">"));
        for (content, text) in runs {
            self.write(format_args!("<tspan font-size=\"{}\"", Number(text.size)));
            self.paint(Some(text.ink), None);
            if text.bold {
                self.body.push_str(" font-weight=\"600\"");
            }
            self.write(format_args!(">{}</tspan>", Escaped(content)));
        }
        self.body.push_str("</text>\n");
    }

    /// Groups what `draw` adds, with `tip`, escaped, as its tooltip.
    pub fn with_tip(&mut self, tip: &str, draw: impl FnOnce(&mut Svg)) {
        self.write(format_args!("<g><title>{}</title>", Escaped(tip)));
        draw(self);
        self.body.push_str("</g>\n");
    }

    /// The file, for browsers: with the colours for dark pages.
    pub fn finish(&self) -> String {
        let mut style = String::from("<style>@media (prefers-color-scheme: dark) {");
        for ink in &self.inks {
            let (class, colour) = (ink.class(), ink.dark());
            let _ = write!(style, " .f-{class} {{ fill: {colour} }} .s-{class} {{ stroke: {colour} }}");
        }
        style.push_str(" }</style>\n");
        self.document(&style)
    }

    /// The file in light colours only, for a rasteriser.
    pub fn finish_light(&self) -> String {
        self.document("")
    }

    fn document(&self, style: &str) -> String {
        let ([width, height], title) = ([self.width, self.height].map(Number), Escaped(&self.title));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"{FONT_FAMILY}\" role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n{style}{}</svg>\n",
            self.body
        )
    }

    fn shape(&mut self, head: fmt::Arguments<'_>, style: Style) {
        self.write(head);
        self.paint(style.fill, style.stroke);
        if style.opacity < 1.0 {
            // Not `opacity`, for which a rasteriser needs a separate layer for every shape.
            let attribute = if style.fill.is_some() { "fill-opacity" } else { "stroke-opacity" };
            self.write(format_args!(" {attribute}=\"{}\"", Number(style.opacity)));
        }
        if let Some((on, off)) = style.dashes {
            self.write(format_args!(" stroke-dasharray=\"{} {}\"", Number(on), Number(off)));
        }
        self.body.push_str("/>\n");
    }

    /// Each colour twice: as an attribute, and as the class by which a dark page overrides it.
    fn paint(&mut self, fill: Option<Ink>, stroke: Option<(Ink, f64)>) {
        self.inks.extend(fill.into_iter().chain(stroke.map(|(ink, _)| ink)));
        self.write(format_args!(" fill=\"{}\"", fill.map_or("none", Ink::light)));
        if let Some((ink, width)) = stroke {
            let (colour, width) = (ink.light(), Number(width));
            self.write(format_args!(
                " stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\""
            ));
        }
        match (fill, stroke) {
            (Some(fill), Some((stroke, _))) => {
                self.write(format_args!(" class=\"f-{} s-{}\"", fill.class(), stroke.class()));
            }
            (Some(ink), None) => self.write(format_args!(" class=\"f-{}\"", ink.class())),
            (None, Some((ink, _))) => self.write(format_args!(" class=\"s-{}\"", ink.class())),
            (None, None) => {}
        }
    }

    fn write(&mut self, arguments: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(arguments);
    }
}

/// A path under construction: lines, steps and dots, in absolute coordinates.
#[derive(Clone, Debug, Default)]
pub struct Path {
    data: String,
}

impl Path {
    /// An empty path.
    pub fn new() -> Path {
        Path::default()
    }

    /// Lifts the pen and puts it down at a point.
    pub fn move_to(&mut self, point: Point) {
        let [x, y] = point.map(Number);
        let _ = write!(self.data, "M{x} {y}");
    }

    /// Draws a straight line to a point.
    pub fn line_to(&mut self, point: Point) {
        let [x, y] = point.map(Number);
        let _ = write!(self.data, "L{x} {y}");
    }

    /// Closes the current outline.
    pub fn close(&mut self) {
        self.data.push('Z');
    }

    /// A round dot around a point.
    pub fn dot(&mut self, centre: Point, radius: f64) {
        let ([x, y], r, d) =
            ([centre[0] - radius, centre[1]].map(Number), Number(radius), Number(2.0 * radius));
        let _ = write!(self.data, "M{x} {y}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0");
    }

    /// A square dot around a point: cheaper than a round one, and when tiny it looks the same.
    pub fn speck(&mut self, centre: Point, radius: f64) {
        let ([x, y], d) = (centre.map(|value| Number(value - radius)), Number(2.0 * radius));
        let _ = write!(self.data, "M{x} {y}h{d}v{d}h-{d}z");
    }

    /// Whether nothing was drawn yet.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }
}

/// A coordinate to a hundredth of a pixel, without needless zeroes.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.0 * 100.0).round() as i64;
        if hundredths < 0 {
            formatter.write_char('-')?;
        }
        let (whole, rest) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
        match rest {
            0 => write!(formatter, "{whole}"),
            _ if rest % 10 == 0 => write!(formatter, "{whole}.{}", rest / 10),
            _ => write!(formatter, "{whole}.{rest:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_carries_both_renditions_of_its_colours() {
        let mut drawing = Svg::new(40.0, 20.0, "Two marks");
        drawing.line([0.0, 10.0], [40.0, 10.005], Style::stroke(Ink::Grid, 1.0).dashed(2.0, 1.5));
        drawing.text(
            [20.0, 8.0],
            "ok",
            Text::new(Ink::Ok, 11.0).anchor(Anchor::Middle).bold().halo().turned(-12.5),
        );
        insta::assert_snapshot!(drawing.finish());
    }

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let hostile = "\"/></text><script>alert(1)</script>\u{1b}]0;";
        let mut drawing = Svg::new(10.0, 10.0, hostile);
        drawing.with_tip(hostile, |drawing| drawing.text([0.0, 0.0], hostile, Text::new(Ink::Text, 9.0)));
        let file = drawing.finish();
        assert!(!file.contains("<script") && !file.contains('\u{1b}'));
        assert_eq!(file.matches("&lt;script&gt;").count(), 4);
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in
            [(0.0, "0"), (-0.001, "0"), (1.5, "1.5"), (-12.345, "-12.35"), (3.05, "3.05"), (1e6, "1000000")]
        {
            assert_eq!(Number(value).to_string(), text);
        }
    }
}
