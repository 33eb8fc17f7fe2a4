//! A cycle as a picture.

use std::f64::consts::TAU;
use std::fmt::Write as _;

use crate::Value;

/// Half the width of a transaction's box, in pixels.
const BOX_HALF_WIDTH_PX: f64 = 130.0;
/// Half the height of a transaction's box, in pixels.
const BOX_HALF_HEIGHT_PX: f64 = 26.0;
/// How many characters of a transaction fit into its box.
const LABEL_CHARACTERS: usize = 38;

/// The colours of lines and words, on light paper and on dark.
const STYLE: &str = "<style>\
    .f-text { fill: #1c2330 } .s-muted { stroke: #667085 } .f-muted { fill: #667085 } .f-paper { fill: #ffffff } \
    .f-ww { fill: #c81d5f } .s-ww { stroke: #c81d5f } .f-wr { fill: #2a78b8 } .s-wr { stroke: #2a78b8 } \
    .f-rw { fill: #8a5a2b } .s-rw { stroke: #8a5a2b } \
    @media (prefers-color-scheme: dark) { \
    .f-text { fill: #e8eaf0 } .s-muted { stroke: #98a2b3 } .f-muted { fill: #98a2b3 } .f-paper { fill: #14181f } \
    .f-ww { fill: #ff5c93 } .s-ww { stroke: #ff5c93 } .f-wr { fill: #5aa9e6 } .s-wr { stroke: #5aa9e6 } \
    .f-rw { fill: #d6a06b } .s-rw { stroke: #d6a06b } }</style>";

/// Draws a cycle as SVG: the transactions on a circle, each with an arrow to the one it came before.
///
/// The cycle is one of a result's `:anomalies`, with its `:cycle` and `:steps`, so that it can be drawn from a
/// `results.edn` long after the run. None if the value is not a cycle. What nodes printed is escaped. Browsers that
/// prefer dark pages show it dark.
///
/// ```
/// use glomers_check::edn;
/// use glomers_check::txn::draw_cycle;
/// let cycle = edn::read(
///     "{:cycle [{:index 1, :value [[:append :x 1] [:r :y [2]]]} {:index 3, :value [[:append :y 2] [:r :x [1]]]}]
///       :steps ({:type :wr, :key :x, :value 1} {:type :wr, :key :y, :value 2}), :type :G1c}",
/// )?;
/// let svg = draw_cycle(&cycle).unwrap();
/// assert!(svg.starts_with("<svg ") && svg.contains("wr :x"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn draw_cycle(cycle: &Value) -> Option<String> {
    let steps = cycle.get("steps")?.as_elements()?;
    let operations =
        cycle.get("cycle")?.as_elements()?.get(..steps.len()).filter(|operations| !operations.is_empty())?;
    let title = cycle.get("type").map_or_else(String::new, ToString::to_string);
    let radius_px = 110.0 + 34.0 * steps.len() as f64;
    let (center_x, center_y) =
        (radius_px * 1.2 + BOX_HALF_WIDTH_PX + 20.0, radius_px + BOX_HALF_HEIGHT_PX + 50.0);
    let place = |position: usize| {
        let angle = TAU * position as f64 / steps.len() as f64 - TAU / 4.0;
        (center_x + radius_px * 1.2 * angle.cos(), center_y + radius_px * angle.sin())
    };
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {:.0} {:.0}" font-family="sans-serif" font-size="12" role="img">
<title>{}</title>
{STYLE}
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><polygon points="0,0 8,4 0,8" class="f-muted"/></marker></defs>
<rect width="100%" height="100%" class="f-paper"/>
<text x="16" y="24" font-size="16" class="f-text">{}</text>
"##,
        center_x * 2.0,
        center_y * 2.0,
        escape(&title),
        escape(&title),
    );
    for (position, step) in steps.iter().enumerate() {
        arrow(&mut svg, place(position), place((position + 1) % steps.len()), (center_x, center_y), step);
    }
    for (position, operation) in operations.iter().enumerate() {
        transaction(&mut svg, place(position), position + 1, operation);
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

fn arrow(svg: &mut String, from: (f64, f64), to: (f64, f64), center: (f64, f64), step: &Value) {
    let relation = step.get("type").and_then(Value::as_keyword).unwrap_or("?");
    let class = if matches!(relation, "ww" | "wr" | "rw") { relation } else { "muted" };
    let label = match step.get("key") {
        Some(key) => format!("{relation} {key}"),
        None => relation.to_owned(),
    };
    let (start, end) = (at_border(from, to), at_border(to, from));
    // Arrows bend outwards, so that the two of a cycle of two do not hide each other.
    let middle = ((start.0 + end.0) / 2.0, (start.1 + end.1) / 2.0);
    let along = (end.0 - start.0, end.1 - start.1);
    let length = along.0.hypot(along.1).max(1.0);
    let bend = (middle.0 + along.1 / length * 40.0, middle.1 - along.0 / length * 40.0);
    let away = if (bend.0 - center.0).hypot(bend.1 - center.1) < 1.0 { 12.0 } else { 0.0 };
    let written = write!(
        svg,
        "<path d=\"M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}\" fill=\"none\" class=\"s-{class}\" stroke-width=\"1.5\" marker-end=\"url(#head)\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\" class=\"f-{class}\" text-anchor=\"middle\">{}</text>\n",
        start.0,
        start.1,
        bend.0,
        bend.1,
        end.0,
        end.1,
        bend.0,
        bend.1 + away,
        escape(&shorten(&label)),
    );
    debug_assert!(written.is_ok(), "a string grows without errors");
}

fn transaction(svg: &mut String, (x, y): (f64, f64), number: usize, operation: &Value) {
    let index = operation.get("index").map_or_else(String::new, |index| format!(", operation {index}"));
    let process = operation.get("process").map_or_else(String::new, |process| format!(", process {process}"));
    let value = operation.get("value").map_or_else(String::new, ToString::to_string);
    let written = write!(
        svg,
        "<g><title>{}</title><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.0}\" height=\"{:.0}\" rx=\"6\" class=\"f-paper s-muted\"/>\n\
         <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" class=\"f-text\" font-weight=\"bold\">T{number}{}{}</text>\n\
         <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" class=\"f-text\">{}</text></g>\n",
        escape(&value),
        x - BOX_HALF_WIDTH_PX,
        y - BOX_HALF_HEIGHT_PX,
        BOX_HALF_WIDTH_PX * 2.0,
        BOX_HALF_HEIGHT_PX * 2.0,
        y - 6.0,
        escape(&index),
        escape(&process),
        y + 14.0,
        escape(&shorten(&value)),
    );
    debug_assert!(written.is_ok(), "a string grows without errors");
}

/// Where the line from the middle of one box towards another leaves the box.
fn at_border(from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
    let (x, y) = (to.0 - from.0, to.1 - from.1);
    let fraction =
        (BOX_HALF_WIDTH_PX / x.abs().max(1e-9)).min(BOX_HALF_HEIGHT_PX / y.abs().max(1e-9)).min(1.0);
    (from.0 + x * fraction, from.1 + y * fraction)
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(LABEL_CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML has no way to write most control characters.
            _ if character.is_control() => escaped.push('\u{FFFD}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edn;

    #[test]
    fn what_a_node_wrote_cannot_leave_its_place() {
        let hostile = r#"{:cycle [{:index 1, :value [[:r "</text><script>" nil]]}], :steps ({:type :rw, :key "<b>\u0007"})}"#;
        let svg = draw_cycle(&edn::read(hostile).expect("EDN")).expect("a cycle");
        assert!(!svg.contains("<script>") && !svg.contains("<b>") && !svg.contains('\u{7}'));
    }

    #[test]
    fn what_is_no_cycle_is_not_drawn() {
        assert_eq!(draw_cycle(&edn::read("{:cycle [], :steps ()}").expect("EDN")), None);
        assert_eq!(draw_cycle(&Value::Nil), None);
    }
}
