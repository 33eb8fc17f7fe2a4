// The panes above the diagram: the time axis with faults, latency, rates, and the operations of each process.

import { eachBetween } from "./data.js";
import { largest } from "./detail.js";
import { LEFT } from "./lanes.js";
import { ticks, timeText } from "./view.js";

const NAMES = ["open", "ok", "fail", "info"];

export function drawAxis({ context, width, height, colours }, { run, view }) {
  const plot = width - LEFT;
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "top";
  let last = -Infinity;
  for (const band of run.periods) {
    const left = LEFT + view.x(band.from, plot);
    const right = LEFT + view.x(band.to, plot);
    if (right < LEFT || left > width) continue;
    const start = Math.max(left, LEFT);
    context.fillStyle = colours.fault;
    context.globalAlpha = 0.35;
    context.fillRect(start, 22, Math.max(2, Math.min(right, width) - start), height - 22);
    context.globalAlpha = 1;
    const { text } = band;
    const room = Math.min(right, width) - start - 8;
    if (start > last && room > 40) {
      context.fillStyle = colours.text;
      context.textAlign = "left";
      const letters = Math.floor(room / 7);
      context.fillText(text.length > letters ? `${text.slice(0, letters - 1)}…` : text, start + 4, 26);
      last = start + Math.min(room, text.length * 7);
    }
  }
  context.fillStyle = colours.muted;
  for (const { time, label } of ticks(view.from, view.to, Math.max(2, Math.floor(plot / 110)))) {
    const x = LEFT + view.x(time, plot);
    context.fillRect(Math.round(x), 16, 1, 6);
    context.textAlign = x > width - 30 ? "right" : "center";
    context.fillText(label, x, 1);
  }
  heading(context, colours, "Faults", 26);
}

export function drawLatency({ context, width, height, colours }, { run, view, shade }) {
  const { operations } = run;
  const plot = width - LEFT;
  shade(context, height);
  let [least, most] = [Infinity, 0];
  const dots = [];
  eachBetween(operations.start, operations.end, operations.blocks, view.from, view.to, (bar) => {
    if (operations.process[bar] < 0 || Number.isNaN(operations.end[bar])) return;
    const latency = Math.max(operations.end[bar] - operations.start[bar], 1000);
    [least, most] = [Math.min(least, latency), Math.max(most, latency)];
    dots.push(bar);
  });
  heading(context, colours, "Latency", 4);
  if (dots.length === 0) return empty(context, colours, width, height, "No operation completed in this range");
  const [low, high] = [Math.floor(Math.log10(least)), Math.max(Math.ceil(Math.log10(most)), Math.floor(Math.log10(least)) + 1)];
  const y = (latency) => height - 6 - ((Math.log10(latency) - low) / (high - low)) * (height - 16);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (let power = low; power <= high; power++) {
    context.fillStyle = colours.grid;
    context.fillRect(LEFT, Math.round(y(10 ** power)), plot, 1);
    context.fillStyle = colours.muted;
    if (power > low && power < high) context.fillText(timeText(10 ** power), LEFT - 8, y(10 ** power));
  }
  // Dots that fall on one pixel are painted once, so that a frame does not take longer the more operations there are.
  const painted = new Uint8Array(Math.ceil(plot) * height);
  for (const bar of dots) {
    const x = Math.round(view.x(operations.start[bar], plot));
    const at = Math.round(y(Math.max(operations.end[bar] - operations.start[bar], 1000)));
    if (x < 0 || x >= plot || painted[x * height + at]++) continue;
    context.fillStyle = colours[NAMES[operations.outcome[bar]]];
    context.fillRect(LEFT + x - 1, at - 1, 3, 3);
  }
}

export function drawRate({ context, width, height, colours }, { run, view, shade, passes }) {
  const plot = width - LEFT;
  const bins = Math.max(20, Math.floor(plot / 4));
  const counts = new Uint32Array(bins);
  const { messages } = run;
  shade(context, height);
  const scale = bins / (view.to - view.from);
  eachBetween(messages.sent, messages.end, messages.blocks, view.from, view.to, (row) => {
    if (messages.sent[row] >= view.from && passes(row)) counts[Math.floor((messages.sent[row] - view.from) * scale)]++;
  });
  heading(context, colours, "Messages", 4);
  const most = largest(counts);
  if (most === 0) return empty(context, colours, width, height, "No message passes the filter in this range");
  context.fillStyle = colours.ok;
  counts.forEach((count, bin) => {
    const tall = (count / most) * (height - 14);
    context.fillRect(LEFT + (bin / bins) * plot, height - tall, Math.max(1, plot / bins - 0.5), tall);
  });
  context.fillStyle = colours.muted;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(`${Math.round((most * scale * 1e9)).toLocaleString("en")}/s`, LEFT - 8, 30);
}

/// The operations of each process as bars. Processes that take over from others share their rows: there are as many as work at a time.
export function drawOperations({ context, width, height, colours }, { run, view, shade, rowsOf, rowCount, selected }) {
  const { operations, head } = run;
  const plot = width - LEFT;
  shade(context, height);
  heading(context, colours, "Operations", 4);
  const tall = Math.max(2, Math.min(18, (height - 4) / Math.max(rowCount, 1)));
  const lastX = new Float64Array(rowCount).fill(-Infinity);
  eachBetween(operations.start, operations.end, operations.blocks, view.from, view.to, (bar) => {
    const row = rowsOf[bar];
    if (row < 0) return;
    const left = LEFT + view.x(operations.start[bar], plot);
    const end = Number.isNaN(operations.end[bar]) ? view.end : operations.end[bar];
    const right = Math.min(LEFT + view.x(end, plot), width);
    const start = Math.max(left, LEFT);
    // What ends within the pixel of the bar before adds nothing to the picture.
    if (right < lastX[row] + 0.5 && bar !== selected) return;
    lastX[row] = right;
    context.fillStyle = colours[NAMES[operations.outcome[bar]]];
    context.globalAlpha = bar === selected ? 1 : 0.7;
    context.fillRect(start, 2 + row * tall, Math.max(1, right - start), tall - 1);
    context.globalAlpha = 1;
    const text = head.functions[operations.f[bar]];
    if (tall >= 12 && right - start > 8 * text.length + 6) {
      context.fillStyle = colours.paper;
      context.textAlign = "left";
      context.textBaseline = "middle";
      context.fillText(text, start + 3, 2 + (row + 0.5) * tall);
    }
  });
}

function heading(context, colours, text, y) {
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = colours.text;
  context.textAlign = "left";
  context.textBaseline = "top";
  context.fillText(text, 0, y);
}

function empty(context, colours, width, height, text) {
  context.fillStyle = colours.muted;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, LEFT + (width - LEFT) / 2, height / 2);
}
