//! Values over several lines, laid out as upstream lays out `results.edn`.

use std::fmt::Write;

use super::write::blank_after_tag;
use crate::Value;

/// A collection that ends within this many columns stays on one line. What follows it (a comma, the brackets of
/// its parents) may stand beyond.
const WIDTH_COLUMNS: usize = 70;

/// Writes a value over several lines, without a newline at its end.
///
/// A collection stays on one line where it fits; else each of its elements starts a line, aligned under the first.
/// Each value is measured once, so that the cost is linear in the length of the output.
///
/// ```
/// use glomers_check::{Value, edn};
/// let long = Value::string("x".repeat(40));
/// let value = Value::record([("first", long.clone()), ("second", long)]);
/// let lines = edn::pretty(&value);
/// assert!(lines.lines().nth(1).unwrap().starts_with(" :second"));
/// ```
pub fn pretty(value: &Value) -> String {
    let mut printer = Printer { out: String::new(), column: 0 };
    printer.value(value);
    printer.out
}

struct Printer {
    out: String,
    /// Characters since the last newline.
    column: usize,
}

impl Printer {
    fn text(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    fn value(&mut self, value: &Value) {
        if self.fits(value) {
            return;
        }
        match value {
            Value::List(items) => self.items("(", items, ")"),
            Value::Vector(items) => self.items("[", items, "]"),
            Value::Set(items) => self.items("#{", items, "}"),
            Value::Map(entries) => {
                self.text("{");
                let indent = self.column;
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        self.text(",");
                        self.line(indent);
                    }
                    self.value(key);
                    self.text(" ");
                    self.value(value);
                }
                self.text("}");
            }
            Value::Tagged(tagged) => {
                let (tag, value) = &**tagged;
                self.text("#");
                self.text(tag);
                self.text(blank_after_tag(value));
                self.value(value);
            }
            _ => unreachable!("a value without parts always fits"),
        }
    }

    fn items(&mut self, open: &str, items: &[Value], close: &str) {
        self.text(open);
        let indent = self.column;
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.line(indent);
            }
            self.value(item);
        }
        self.text(close);
    }

    /// Writes the value on this line if it has no parts or fits, and says whether it did.
    fn fits(&mut self, value: &Value) -> bool {
        let has_parts = value.as_elements().is_some_and(|items| !items.is_empty())
            || value.as_map().is_some_and(|entries| !entries.is_empty())
            || matches!(value, Value::Tagged(_));
        let room = if has_parts { WIDTH_COLUMNS.saturating_sub(self.column) } else { usize::MAX };
        let mut line = Line { out: &mut self.out, room };
        let start = line.out.len();
        // A line that is full stops the writing at once, which keeps the whole linear in practice.
        if write!(line, "{value}").is_ok() {
            self.column += self.out[start..].chars().count();
            true
        } else {
            self.out.truncate(start);
            false
        }
    }
}

/// Text that may take only so many more characters.
struct Line<'a> {
    out: &'a mut String,
    room: usize,
}

impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let length = text.chars().count();
        self.room = self.room.checked_sub(length).ok_or(std::fmt::Error)?;
        self.out.push_str(text);
        Ok(())
    }
}
