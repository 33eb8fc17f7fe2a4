// Reads what /data/ sends: a head as JSON, then columns, wide ones first, so that each is a typed array over the answer without a copy.

export const IN_FLIGHT = 0;
export const DELIVERED = 1;
export const FIRST_REASON = 2;
export const NEVER = 0xffffffff;
export const OUTCOMES = ["open", "ok", "fail", "info"];

// Rows whose ends are summarised together, so that messages from before a moment that are still in flight are found quickly.
const BLOCK = 1024;

/// The run in a buffer. Throws where the bytes are of another format.
export function decode(buffer) {
  const bytes = new DataView(buffer);
  if (bytes.byteLength < 8 || bytes.getUint32(0, false) !== 0x474c4d50) throw new Error("the answer is not a run's data");
  const length = bytes.getUint32(4, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  if (head.version !== 1) throw new Error(`the data has format ${head.version}; reload the page`);
  for (const names of [head.kinds, head.functions, head.reasons]) names.forEach((name, at) => (names[at] = plain(name)));
  for (const host of head.hosts) host.name = plain(host.name);
  for (const event of head.events) if (event.text) event.text = plain(event.text);
  let at = 8 + length;
  const column = (type, rows) => {
    const array = new type(buffer, at, rows);
    at += array.byteLength;
    return array;
  };
  const { messages: count, operations: bars } = head;
  const messages = { count, sent: column(Float64Array, count), end: column(Float64Array, count), number: column(Float64Array, count) };
  const operations = { count: bars, start: column(Float64Array, bars), end: column(Float64Array, bars) };
  messages.sentOrder = column(Uint32Array, count);
  messages.endOrder = column(Uint32Array, count);
  operations.index = column(Uint32Array, bars);
  operations.endIndex = column(Uint32Array, bars);
  operations.process = column(Int32Array, bars);
  messages.kind = column(Uint16Array, count);
  messages.src = column(Uint16Array, count);
  messages.dest = column(Uint16Array, count);
  operations.f = column(Uint16Array, bars);
  messages.fate = column(Uint8Array, count);
  operations.outcome = column(Uint8Array, bars);
  messages.blocks = latestEnds(messages.end);
  operations.blocks = latestEnds(operations.end);
  const bands = bandsOf(head);
  return { head, messages, operations, bands, periods: periodsOf(bands, head.hosts) };
}

/// The latest end in each block of rows; infinity where one has not ended.
export function latestEnds(end) {
  const blocks = new Float64Array(Math.ceil(end.length / BLOCK));
  for (let row = 0; row < end.length; row++) {
    const block = Math.floor(row / BLOCK);
    const time = Number.isNaN(end[row]) ? Infinity : end[row];
    if (time > blocks[block]) blocks[block] = time;
  }
  return blocks;
}

/// What a node sent, without characters that reverse the direction of writing or control anything.
export function plain(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}

/// The first place in a sorted array whose value is at least `value`.
export function lowerBound(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/// Calls `visit` with each row that is under way at some time in `from`…`to`, in order.
export function eachBetween(start, end, blocks, from, to, visit) {
  const last = lowerBound(start, to);
  const first = lowerBound(start, from);
  for (let block = 0; block * BLOCK < first; block++) {
    if (blocks[block] < from) continue;
    const stop = Math.min((block + 1) * BLOCK, first);
    for (let row = block * BLOCK; row < stop; row++) if (!(end[row] < from)) visit(row);
  }
  for (let row = first; row < last; row++) visit(row);
}

/// Faults as bands: from the event that begins one to the event that ends it, or to the end of the run.
export function bandsOf(head) {
  const open = new Map();
  const bands = [];
  const begin = (key, event, name, host) => {
    if (open.has(key)) return;
    const band = { from: event.time_ns, to: head.end_ns, fromOrder: event.order, toOrder: NEVER, name, host };
    open.set(key, band);
    bands.push(band);
  };
  const finish = (key, event) => {
    const band = open.get(key);
    if (band) [band.to, band.toOrder] = [event.time_ns, event.order];
    open.delete(key);
  };
  for (const event of head.events) {
    if (event.what === "rule") begin(`rule ${event.rule}`, event, event.text);
    if (event.what === "rule-removed") finish(`rule ${event.rule}`, event);
    if (event.what === "killed" || event.what === "exited") begin(`dead ${event.host}`, event, "dead", event.host);
    if (event.what === "paused") begin(`paused ${event.host}`, event, "paused", event.host);
    if (event.what === "resumed" || event.what === "added" || event.what === "killed") finish(`paused ${event.host}`, event);
    if (event.what === "added") finish(`dead ${event.host}`, event);
  }
  return bands;
}

/// The times in which any fault holds, without overlaps, each with its faults by name: `n0, n4 dead; partition`.
export function periodsOf(bands, hosts) {
  const periods = [];
  for (const band of [...bands].sort((left, right) => left.from - right.from)) {
    const last = periods.at(-1);
    if (last && band.from <= last.to) {
      last.to = Math.max(last.to, band.to);
      last.bands.push(band);
    } else {
      periods.push({ from: band.from, to: band.to, bands: [band] });
    }
  }
  for (const period of periods) {
    const names = new Map();
    for (const { name, host } of period.bands) {
      if (!names.has(name)) names.set(name, new Set());
      if (host !== undefined) names.get(name).add(hosts[host].name);
    }
    period.text = [...names].map(([name, of]) => `${[...of].join(", ")} ${name}`.trim()).join("; ");
  }
  return periods;
}
