//! The colours of every report, each with its meaning.
//!
//! One meaning has one colour everywhere: in the plots, the timeline, the message diagram and the pages. The three outcomes differ in
//! lightness as well as in hue, so they stay apart for people who do not tell red from green and on paper; the quantiles follow
//! viridis, whose lightness falls evenly.

use glomers_check::OperationKind;

/// A colour by its meaning, in a light and a dark rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ink {
    /// The main text.
    Text,
    /// Secondary text: axis labels, captions.
    Muted,
    /// Grid lines.
    Grid,
    /// The paper itself.
    Paper,
    /// A successful operation.
    Ok,
    /// An operation whose outcome is unknown.
    Info,
    /// A failed operation.
    Fail,
    /// A fault, and the time it lasted.
    Fault,
    /// The median.
    Median,
    /// The 0.95 quantile.
    P95,
    /// The 0.99 quantile.
    P99,
    /// The largest value.
    Max,
    /// Traffic between servers.
    Server,
    /// Traffic with a client.
    Client,
    /// A message that did not arrive.
    Lost,
}

impl Ink {
    /// The colour of an outcome; an operation that is still running is muted.
    pub fn of(kind: OperationKind) -> Ink {
        match kind {
            OperationKind::Invoke => Ink::Muted,
            OperationKind::Ok => Ink::Ok,
            OperationKind::Fail => Ink::Fail,
            OperationKind::Info => Ink::Info,
        }
    }

    /// The colour on white paper, as `#rrggbb`.
    pub fn light(self) -> &'static str {
        match self {
            Ink::Text => "#1c2330",
            Ink::Muted => "#667085",
            Ink::Grid => "#e4e7ec",
            Ink::Paper => "#ffffff",
            Ink::Ok => "#2a78b8",
            Ink::Info => "#e39a00",
            Ink::Fail => "#c81d5f",
            Ink::Fault => "#8a5a2b",
            Ink::Median => "#4fb35c",
            Ink::P95 => "#21908c",
            Ink::P99 => "#3b528b",
            Ink::Max => "#440154",
            Ink::Server => "#2a78b8",
            Ink::Client => "#8f9bb0",
            Ink::Lost => "#c81d5f",
        }
    }

    /// The colour on dark paper, as `#rrggbb`.
    pub fn dark(self) -> &'static str {
        match self {
            Ink::Text => "#e8eaf0",
            Ink::Muted => "#98a2b3",
            Ink::Grid => "#2c3340",
            Ink::Paper => "#14181f",
            Ink::Ok => "#5aa9e6",
            Ink::Info => "#ffbf3f",
            Ink::Fail => "#ff5c93",
            Ink::Fault => "#d6a06b",
            Ink::Median => "#b8de29",
            Ink::P95 => "#3dbc74",
            Ink::P99 => "#46a5c9",
            Ink::Max => "#b79cf0",
            Ink::Server => "#5aa9e6",
            Ink::Client => "#7b879b",
            Ink::Lost => "#ff5c93",
        }
    }

    /// The name of the class that carries the colour in an SVG.
    pub fn class(self) -> &'static str {
        match self {
            Ink::Text => "text",
            Ink::Muted => "muted",
            Ink::Grid => "grid",
            Ink::Paper => "paper",
            Ink::Ok => "ok",
            Ink::Info => "info",
            Ink::Fail => "fail",
            Ink::Fault => "fault",
            Ink::Median => "median",
            Ink::P95 => "p95",
            Ink::P99 => "p99",
            Ink::Max => "max",
            Ink::Server => "server",
            Ink::Client => "client",
            Ink::Lost => "lost",
        }
    }
}
