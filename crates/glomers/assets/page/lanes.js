// The space-time diagram: one lane a host, an arrow for each message from its sending to its receipt, or a density where there are too many.

import { DELIVERED, FIRST_REASON, IN_FLIGHT } from "./data.js";
import { densities, largest, rowsInView, strength } from "./detail.js";

export const LEFT = 92;
const LANE = 34;
const TOP = 8;
/// With no more arrows than this, there is room for the type of each message.
const MAX_LABELS = 60;

export function heightOf(laneCount) {
  return TOP * 2 + Math.max(laneCount, 1) * LANE;
}

export function laneY(lane) {
  return TOP + (lane + 0.5) * LANE;
}

/// Draws the diagram, and returns the rows that have an arrow, or null.
export function drawLanes(canvas, pane) {
  const { context, width, height, colours } = canvas;
  const { run, view, lanes, laneNames, passes, marks } = pane;
  const { messages } = run;
  const plot = width - LEFT;
  const x = (time) => LEFT + view.x(time, plot);
  drawNames(canvas, laneNames);
  context.save();
  context.beginPath();
  context.rect(LEFT, 0, plot, height);
  context.clip();
  drawHostFaults(canvas, run, lanes, x);
  const visible = (row) => lanes[messages.src[row]] >= 0 && lanes[messages.dest[row]] >= 0 && passes(row);
  const rows = rowsInView(messages, view.from, view.to, visible);
  if (rows) drawArrows(canvas, pane, rows, x);
  else drawDensities(canvas, pane, plot, visible);
  context.restore();
  if (rows && rows.length === 0) {
    context.fillStyle = colours.muted;
    context.textAlign = "center";
    context.fillText("No message passes the filter in this range", LEFT + plot / 2, height - 5);
  }
  return marks && !rows ? null : rows;
}

function drawNames({ context, width, colours }, names) {
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "right";
  context.textBaseline = "middle";
  names.forEach((name, lane) => {
    context.fillStyle = colours.text;
    context.fillText(name.length > 12 ? `${name.slice(0, 11)}…` : name, LEFT - 10, laneY(lane));
    context.fillStyle = colours.grid;
    context.fillRect(LEFT, Math.round(laneY(lane)), width - LEFT, 1);
  });
}

function drawHostFaults({ context, colours }, run, lanes, x) {
  for (const band of run.bands) {
    if (band.host === undefined || lanes[band.host] < 0) continue;
    context.fillStyle = band.name === "dead" ? colours.fail : colours.info;
    context.globalAlpha = 0.25;
    const left = x(band.from);
    context.fillRect(left, laneY(lanes[band.host]) - 6, Math.max(2, x(band.to) - left), 12);
  }
  context.globalAlpha = 1;
}

/// The colour of an arrow: what its fate is, and where it stands to the message that is selected.
function colourOf(colours, messages, row, mark) {
  if (mark === 3) return colours.text;
  if (mark === 1) return colours.cause;
  if (mark === 2) return colours.consequence;
  const fate = messages.fate[row];
  return fate === DELIVERED ? colours.ok : fate === IN_FLIGHT ? colours.info : colours.fail;
}

function drawArrows({ context, width, colours }, { run, view, lanes, marks }, rows, x) {
  const { messages, head } = run;
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "bottom";
  context.textAlign = "left";
  const taken = [];
  for (const row of rows) {
    const mark = marks ? marks[row] : 0;
    const fate = messages.fate[row];
    const [fromX, fromY] = [x(messages.sent[row]), laneY(lanes[messages.src[row]])];
    const endTime = fate === IN_FLIGHT ? view.end : messages.end[row];
    let [toX, toY] = [x(endTime), laneY(lanes[messages.dest[row]])];
    // A message that never arrived stops short of its receiver's lane.
    if (fate >= FIRST_REASON) [toX, toY] = [fromX + 0.7 * (toX - fromX), fromY + 0.7 * (toY - fromY)];
    context.strokeStyle = context.fillStyle = colourOf(colours, messages, row, mark);
    context.globalAlpha = marks && !mark ? 0.12 : rows.length > 600 ? 0.45 : 0.85;
    context.lineWidth = mark === 3 ? 2.5 : mark ? 1.6 : 1;
    context.setLineDash(fate === DELIVERED ? [] : [4, 3]);
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
    context.stroke();
    if (fate >= FIRST_REASON) drawCross(context, toX, toY);
    else if (rows.length < 800) drawHead(context, fromX, fromY, toX, toY);
    if (rows.length <= MAX_LABELS && !(marks && !mark)) {
      const reason = fate >= FIRST_REASON ? ` ✕ ${head.reasons[fate - FIRST_REASON]}` : "";
      drawLabel(context, width, taken, head.kinds[messages.kind[row]] + reason, (fromX + toX) / 2, (fromY + toY) / 2);
    }
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
}

/// Writes a label unless it would lie over another.
function drawLabel(context, edge, taken, text, x, y) {
  const wide = context.measureText(text).width;
  // At the right edge it stands to the left of its arrow, so that it is not cut off.
  const left = x + 3 + wide > edge ? x - 3 - wide : x + 3;
  const box = { left, right: left + wide, top: y - 13, bottom: y };
  if (taken.some((other) => box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom)) return;
  taken.push(box);
  context.fillText(text, box.left, y);
}

function drawHead(context, fromX, fromY, toX, toY) {
  const angle = Math.atan2(toY - fromY, toX - fromX);
  context.beginPath();
  context.moveTo(toX, toY);
  context.lineTo(toX - 6 * Math.cos(angle - 0.4), toY - 6 * Math.sin(angle - 0.4));
  context.lineTo(toX - 6 * Math.cos(angle + 0.4), toY - 6 * Math.sin(angle + 0.4));
  context.fill();
}

function drawCross(context, x, y) {
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(x - 3, y - 3);
  context.lineTo(x + 3, y + 3);
  context.moveTo(x - 3, y + 3);
  context.lineTo(x + 3, y - 3);
  context.stroke();
}

function drawDensities({ context, colours, rgb }, { run, view, lanes, laneNames, marks }, plot, visible) {
  const passes = marks ? (row) => marks[row] > 0 && visible(row) : visible;
  const width = Math.max(1, Math.floor(plot));
  const { all, dropped } = densities(run.messages, view.from, view.to, lanes, laneNames.length, width, passes);
  const most = Math.max(largest(all), 1);
  const image = new ImageData(width, laneNames.length);
  const [ok, fail] = [rgb(colours.ok), rgb(colours.fail)];
  for (let at = 0; at < all.length; at++) {
    const colour = dropped[at] > 0 ? fail : ok;
    image.data.set([...colour, 255 * strength(Math.max(all[at], dropped[at]), most)], 4 * at);
  }
  // One row of pixels a lane, stretched: painting each cell as a rectangle would take longer than counting.
  const small = new OffscreenCanvas(width, laneNames.length);
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  laneNames.forEach((_, lane) => context.drawImage(small, 0, lane, width, 1, LEFT, laneY(lane) - 11, plot, 22));
}

/// The arrow nearest to a point, if one is within some pixels.
export function rowAt(pane, rows, width, pointX, pointY) {
  const { run, view, lanes } = pane;
  const { messages } = run;
  const x = (time) => LEFT + view.x(time, width - LEFT);
  let [best, distance] = [null, 8];
  for (const row of rows) {
    const [fromX, fromY] = [x(messages.sent[row]), laneY(lanes[messages.src[row]])];
    const endTime = messages.fate[row] === IN_FLIGHT ? view.end : messages.end[row];
    const [toX, toY] = [x(endTime), laneY(lanes[messages.dest[row]])];
    const [dx, dy] = [toX - fromX, toY - fromY];
    const share = Math.min(1, Math.max(0, ((pointX - fromX) * dx + (pointY - fromY) * dy) / (dx * dx + dy * dy || 1)));
    const away = Math.hypot(pointX - fromX - share * dx, pointY - fromY - share * dy);
    if (away < distance) [best, distance] = [row, away];
  }
  return best;
}
