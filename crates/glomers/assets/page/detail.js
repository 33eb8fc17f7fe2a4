// Level of detail: what of the messages in view is drawn, so that the time of a frame does not grow with their number.

import { DELIVERED, IN_FLIGHT, eachBetween } from "./data.js";

/// Up to so many messages each get an arrow; with more there is a density for each pixel column of a lane.
export const MAX_ARROWS = 2500;

/// The rows in view that pass the filter, or null where there are more than `limit`.
export function rowsInView(messages, from, to, passes, limit = MAX_ARROWS) {
  const rows = [];
  eachBetween(messages.sent, messages.end, messages.blocks, from, to, (row) => {
    if (rows.length <= limit && passes(row)) rows.push(row);
  });
  return rows.length > limit ? null : rows;
}

/// How many messages were sent and received (`all`), and dropped (`dropped`), per lane and pixel column. `lanes` maps a host to its lane or
/// to -1.
export function densities(messages, from, to, lanes, laneCount, width, passes) {
  const all = new Uint32Array(laneCount * width);
  const dropped = new Uint32Array(laneCount * width);
  const scale = width / (to - from);
  const add = (bins, lane, time) => {
    const column = Math.floor((time - from) * scale);
    if (lane >= 0 && column >= 0 && column < width) bins[lane * width + column]++;
  };
  eachBetween(messages.sent, messages.end, messages.blocks, from, to, (row) => {
    if (!passes(row)) return;
    add(all, lanes[messages.src[row]], messages.sent[row]);
    const fate = messages.fate[row];
    if (fate === DELIVERED) add(all, lanes[messages.dest[row]], messages.end[row]);
    else if (fate !== IN_FLIGHT) add(dropped, lanes[messages.dest[row]], messages.end[row]);
  });
  return { all, dropped };
}

/// The largest value, without spreading the array over the stack.
export function largest(array) {
  let most = 0;
  for (const value of array) if (value > most) most = value;
  return most;
}

/// How strong a density is painted, from 0 to 1. The logarithm keeps single messages visible beside a burst.
export function strength(count, most) {
  return count === 0 ? 0 : 0.2 + (0.8 * Math.log1p(count)) / Math.log1p(most);
}
