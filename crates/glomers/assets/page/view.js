// The one time axis of all panes: which part of the run is shown, and how times are written.

const SHORTEST_NS = 1000;

/// A range of time within the run, in nanoseconds. `changed` is called after each change.
export class View {
  constructor(end, changed) {
    this.end = Math.max(end, SHORTEST_NS);
    this.changed = changed;
    this.from = 0;
    this.to = this.end;
  }

  /// Shows a range, moved and cut so that it lies within the run.
  show(from, to) {
    const span = Math.min(Math.max(to - from, SHORTEST_NS), this.end);
    const start = Math.min(Math.max(from, 0), this.end - span);
    [this.from, this.to] = [start, start + span];
    this.changed();
  }

  /// Makes the range `factor` times as long; the time at `share` of its width stays where it is.
  zoom(factor, share = 0.5) {
    const span = Math.min(Math.max((this.to - this.from) * factor, SHORTEST_NS), this.end);
    const fixed = this.from + share * (this.to - this.from);
    this.show(fixed - share * span, fixed + (1 - share) * span);
  }

  /// Moves by a share of its own length.
  pan(share) {
    const delta = share * (this.to - this.from);
    this.show(this.from + delta, this.to + delta);
  }

  /// Moves as little as needed to show a time, with some room around it.
  reveal(time) {
    const span = this.to - this.from;
    if (time < this.from + 0.05 * span || time > this.to - 0.05 * span) this.show(time - span / 2, time + span / 2);
  }

  x(time, width) {
    return ((time - this.from) / (this.to - this.from)) * width;
  }

  time(x, width) {
    return this.from + (x / width) * (this.to - this.from);
  }
}

const UNITS = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];

/// A time in the unit that suits it, to about `digits` decimals.
export function timeText(ns, digits = 3) {
  const [unit, name] = UNITS.find(([unit]) => Math.abs(ns) >= unit) ?? UNITS.at(-1);
  return `${Number((ns / unit).toFixed(digits))} ${name}`;
}

/// Round times in a range, at most `count` of them, and the label of each: in seconds, with as many decimals as tell them apart.
export function ticks(from, to, count) {
  const ideal = (to - from) / Math.max(count, 1);
  const decade = 10 ** Math.floor(Math.log10(Math.max(ideal, 1)));
  const step = [1, 2, 5, 10].map((multiple) => multiple * decade).find((step) => step >= ideal) ?? 10 * decade;
  const decimals = Math.max(0, Math.ceil(9 - Math.log10(step) - 1e-9));
  const marks = [];
  for (let number = Math.ceil(from / step); number * step <= to; number++) {
    marks.push({ time: number * step, label: `${((number * step) / 1e9).toFixed(decimals)} s` });
  }
  return marks;
}
