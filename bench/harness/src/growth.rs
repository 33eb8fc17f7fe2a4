//! What each checker takes as histories grow: a table, and a plot with both axes logarithmic.

use std::{fmt::Write as _, path::PathBuf, time::Instant};

use anyhow::{Context, Result};
use clap::Args;
use glomers_check::{
    Checker, History, Mode, PnCounter, SetFull, UniqueIds, Validity, Value, WeakIsolation,
    linear::{
        Linearizability,
        models::{Keyed, Log, Register},
    },
    txn::{ListAppend, Options, RwRegister, VersionOrders, weak::Level},
};

use crate::{
    histories,
    table::{Table, number},
};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The largest history, in operations
    #[arg(long, default_value_t = 1_000_000)]
    operations: u64,
    /// Where the plot is written
    #[arg(long, default_value = "bench/results/growth.svg")]
    plot: PathBuf,
}

struct Subject {
    name: &'static str,
    history: fn(u64) -> History,
    checker: fn() -> Box<dyn Checker>,
}

const SUBJECTS: [Subject; 9] = [
    Subject {
        name: "register, all values different",
        history: |operations| histories::register(10, operations, 0, 0),
        checker: || Box::new(Linearizability::new(Register::new(Value::from(0), Mode::Strict))),
    },
    Subject {
        name: "register, 5 values",
        history: |operations| histories::register(10, operations, 5, 0),
        checker: || Box::new(Linearizability::new(Register::new(Value::from(0), Mode::Strict))),
    },
    Subject {
        name: "texts by key",
        // Every read has its whole text, so that the history itself grows with the square.
        history: |operations| histories::texts((operations, 10, operations / 100, 300, 0, 0, None)),
        checker: || Box::new(Linearizability::new(Keyed::new(Log))),
    },
    Subject {
        name: "list-append",
        history: |operations| histories::lists(operations as usize),
        checker: || Box::new(ListAppend::new(Options::default())),
    },
    Subject {
        name: "rw-register",
        history: |operations| histories::registers(operations as usize),
        checker: || Box::new(RwRegister::new(Options::default(), VersionOrders::default())),
    },
    Subject {
        name: "causal",
        history: |operations| histories::registers(operations as usize),
        checker: || Box::new(WeakIsolation::new(Level::Causal)),
    },
    Subject { name: "set-full", history: histories::set, checker: || Box::new(SetFull::new(Mode::Strict)) },
    Subject {
        name: "pn-counter",
        history: histories::counter,
        checker: || Box::new(PnCounter::new(Mode::Strict)),
    },
    Subject {
        name: "unique-ids",
        history: histories::ids,
        checker: || Box::new(UniqueIds::new(Mode::Strict)),
    },
];

/// A history of this size, in operations, and how long its verdict took.
#[derive(Clone, Copy)]
struct Point {
    operations: f64,
    seconds: f64,
}

pub(crate) fn measure(arguments: &Arguments) -> Result<()> {
    let sizes: Vec<u64> = std::iter::successors(Some(1_000), |size| Some(size * 10))
        .take_while(|&size| size <= arguments.operations)
        .collect();
    let mut columns = vec!["checker, seconds at".to_owned()];
    columns.extend(sizes.iter().map(|&size| number(size as f64)));
    columns.push("µs an operation".to_owned());
    columns.push("grows with the power".to_owned());
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table =
        Table::new("Checkers by size, everything from the first operation to the verdict", &columns);
    let mut curves = Vec::new();
    for subject in &SUBJECTS {
        let mut points: Vec<Point> = Vec::new();
        let mut cells = vec![subject.name.to_owned()];
        for &size in &sizes {
            let history = (subject.history)(size);
            let operations = history.operations().len() as f64 / 2.0;
            if points.last().is_some_and(|last| operations < last.operations * 2.0) {
                cells.push("-".to_owned());
                continue;
            }
            let seconds = decide(subject, &history)?;
            cells.push(format!("{seconds:.4}"));
            points.push(Point { operations, seconds });
        }
        let last = points.last().copied().context("at least one size")?;
        cells.push(format!("{:.2}", last.seconds / last.operations * 1e6));
        cells.push(power(&points).map_or_else(|| "-".to_owned(), |power| format!("{power:.2}")));
        table.row(cells);
        curves.push((subject.name, points));
    }
    table.print();
    if let Some(folder) = arguments.plot.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&arguments.plot, plot(&curves))?;
    println!("\nPlot: {}", arguments.plot.display());
    Ok(())
}

fn decide(subject: &Subject, history: &History) -> Result<f64> {
    let mut checker = (subject.checker)();
    let begin = Instant::now();
    history.operations().iter().for_each(|operation| checker.observe(operation));
    let verdict = checker.finish();
    let seconds = begin.elapsed().as_secs_f64();
    anyhow::ensure!(verdict.validity == Validity::Valid, "{}: {}", subject.name, verdict.results);
    Ok(seconds)
}

/// The power of the size with which the time grew between the last two sizes.
fn power(points: &[Point]) -> Option<f64> {
    let [.., before, last] = points else { return None };
    Some((last.seconds / before.seconds).ln() / (last.operations / before.operations).ln())
}

/// The range of the axes, as powers of ten.
const OPERATIONS: (f64, f64) = (3.0, 6.5);
const SECONDS: (f64, f64) = (-4.0, 2.0);

/// The area inside the axes, in pixels.
const LEFT: f64 = 70.0;
const TOP: f64 = 20.0;
const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 360.0;

/// Colours that differ for those too who do not see all colours (Okabe and Ito).
const COLOURS: [&str; 9] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#a6761d", "#6a3d9a"];

fn plot(curves: &[(&str, Vec<Point>)]) -> String {
    let x =
        |operations: f64| LEFT + (operations.log10() - OPERATIONS.0) / (OPERATIONS.1 - OPERATIONS.0) * WIDTH;
    let y = |seconds: f64| TOP + (SECONDS.1 - seconds.log10()) / (SECONDS.1 - SECONDS.0) * HEIGHT;
    let mut svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 840 430\" font-family=\"sans-serif\" font-size=\"12\">\n\
        <style>:root { color: #222; background: #fff } @media (prefers-color-scheme: dark) { :root { color: #ddd; background: #181818 } } \
        text { fill: currentColor } .grid { stroke: currentColor; stroke-opacity: 0.15 }</style>\n"
        .to_owned();
    for power in SECONDS.0 as i32..=SECONDS.1 as i32 {
        let (seconds, right) = (10_f64.powi(power), LEFT + WIDTH);
        let y = y(seconds);
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{seconds} s</text>",
            LEFT - 6.0,
            y + 4.0
        );
    }
    for power in OPERATIONS.0 as i32..=OPERATIONS.1 as i32 {
        let (operations, bottom) = (10_f64.powi(power), TOP + HEIGHT);
        let x = x(operations);
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 18.0,
            number(operations)
        );
    }
    let (middle, below) = (LEFT + WIDTH / 2.0, TOP + HEIGHT + 38.0);
    let _ = writeln!(svg, "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">operations</text>");
    for (place, ((name, points), colour)) in curves.iter().zip(COLOURS).enumerate() {
        let path: Vec<String> = points
            .iter()
            .map(|point| format!("{:.1} {:.1}", x(point.operations), y(point.seconds)))
            .collect();
        let _ = writeln!(
            svg,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join("L")
        );
        let (from, line) = (LEFT + WIDTH + 16.0, TOP + 12.0 + 20.0 * place as f64);
        let _ = writeln!(
            svg,
            "<path d=\"M{from} {:.1}h18\" stroke=\"{colour}\" stroke-width=\"3\"/><text x=\"{}\" y=\"{line:.1}\">{name}</text>",
            line - 4.0,
            from + 24.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_doubles_with_the_size_grows_with_the_first_power() {
        let points = [1.0, 10.0, 20.0].map(|size| Point { operations: size, seconds: size * 3.0 });
        assert!((power(&points).unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(power(&points[..1]), None);
    }
}
