// Happens-before, as Lamport has it: what a host does comes after all that it has done and received; a receipt comes after its sending.

import { DELIVERED } from "./data.js";

/// The sendings and receipts of all messages in the run's order. A value is twice the row, plus one for a receipt.
export function eventsOf(messages) {
  // The sendings are sorted already, so only the receipts need to be.
  const received = [];
  for (let row = 0; row < messages.count; row++) if (messages.fate[row] === DELIVERED) received.push(row);
  const receipts = Uint32Array.from(received);
  receipts.sort((left, right) => messages.endOrder[left] - messages.endOrder[right]);
  const events = new Float64Array(messages.count + receipts.length);
  let [sent, next, at] = [0, 0, 0];
  while (sent < messages.count || next < receipts.length) {
    const isSending = next === receipts.length || (sent < messages.count && messages.sentOrder[sent] < messages.endOrder[receipts[next]]);
    events[at++] = isSending ? 2 * sent++ : 2 * receipts[next++] + 1;
  }
  return events;
}

/// Marks the causes of a message (1), its consequences (2), and itself (3). It takes a pass over the events each way.
export function relatives(messages, events, row) {
  const marks = new Uint8Array(messages.count);
  const place = lastIndex(events, (event) => order(messages, event) <= messages.sentOrder[row]);
  const affected = new Set();
  if (messages.fate[row] === DELIVERED) {
    for (let at = place + 1; at < events.length; at++) {
      const [other, isReceipt] = [Math.floor(events[at] / 2), events[at] % 2 === 1];
      if (isReceipt) {
        if (other === row || marks[other] === 2) affected.add(messages.dest[other]);
      } else if (affected.has(messages.src[other])) {
        marks[other] = 2;
      }
    }
  }
  const sources = new Set([messages.src[row]]);
  for (let at = place - 1; at >= 0; at--) {
    const [other, isReceipt] = [Math.floor(events[at] / 2), events[at] % 2 === 1];
    if (isReceipt) {
      if (sources.has(messages.dest[other])) marks[other] = 1;
    } else if (marks[other] === 1) {
      sources.add(messages.src[other]);
    }
  }
  marks[row] = 3;
  return marks;
}

function order(messages, event) {
  const row = Math.floor(event / 2);
  return event % 2 === 1 ? messages.endOrder[row] : messages.sentOrder[row];
}

/// The last place whose element passes, where those that pass come first; -1 if none does.
export function lastIndex(array, passes) {
  let [low, high] = [0, array.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (passes(array[middle])) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/// The world at a moment: the rows in flight, and the faults that hold.
export function stateAt(run, eachBetween, time) {
  const { messages, bands } = run;
  const inFlight = [];
  eachBetween(messages.sent, messages.end, messages.blocks, time, time + 1, (row) => {
    if (messages.sent[row] <= time && !(messages.end[row] <= time)) inFlight.push(row);
  });
  return { inFlight, faults: bands.filter((band) => band.from <= time && time < band.to) };
}
