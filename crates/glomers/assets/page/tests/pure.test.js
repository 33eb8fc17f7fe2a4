// The parts that draw nothing: the format, the time axis, level of detail, and happens-before.

import assert from "node:assert/strict";
import { test } from "node:test";

import { eventsOf, lastIndex, relatives, stateAt } from "../causality.js";
import { DELIVERED, FIRST_REASON, IN_FLIGHT, bandsOf, decode, eachBetween, latestEnds, lowerBound, periodsOf } from "../data.js";
import { densities, rowsInView } from "../detail.js";
import { lanesOf, passing } from "../filter.js";
import { entryOf, entryText, momentOf, searched } from "../records.js";
import { elementsOf, firstOrder, logsOf } from "../verdicts.js";
import { View, ticks, timeText } from "../view.js";

/// Messages from `[src, dest, sent, end, fate]`; the times are the orders too.
function messagesOf(rows) {
  const column = (type, at) => type.from(rows, (row) => row[at]);
  const end = Float64Array.from(rows, (row) => (row[4] === IN_FLIGHT ? NaN : row[3]));
  return {
    count: rows.length, src: column(Uint16Array, 0), dest: column(Uint16Array, 1), sent: column(Float64Array, 2), end,
    sentOrder: column(Uint32Array, 2), endOrder: column(Uint32Array, 3), fate: column(Uint8Array, 4), blocks: latestEnds(end),
  };
}

test("causes and consequences follow happens-before, both ways", () => {
  const messages = messagesOf([
    [0, 1, 1, 2, DELIVERED], // causes 2
    [3, 4, 3, 4, DELIVERED], // unrelated
    [1, 2, 5, 7, DELIVERED], // the message asked about
    [2, 0, 6, 8, DELIVERED], // sent before it arrived: concurrent
    [2, 3, 9, 10, FIRST_REASON], // its consequence, which never arrives
    [3, 4, 11, 12, DELIVERED], // so this is none
    [2, 4, 13, 14, DELIVERED], // its consequence
    [4, 0, 15, 16, DELIVERED], // and its
  ]);
  assert.deepEqual([...relatives(messages, eventsOf(messages), 2)], [1, 0, 3, 0, 2, 0, 2, 2]);
});

test("a message that was dropped has no consequences", () => {
  const messages = messagesOf([[0, 1, 1, 2, FIRST_REASON], [1, 0, 3, 4, DELIVERED]]);
  assert.deepEqual([...relatives(messages, eventsOf(messages), 0)], [3, 0]);
});

test("relatives agree with the definition on random runs", () => {
  let seed = 7;
  const random = (below) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  for (let round = 0; round < 200; round++) {
    const count = 3 + random(12);
    const orders = Array.from({ length: 2 * count }, (_, at) => at);
    for (let at = orders.length - 1; at > 0; at--) {
      const other = random(at + 1);
      [orders[at], orders[other]] = [orders[other], orders[at]];
    }
    const rows = Array.from({ length: count }, (_, at) => {
      const [sent, end] = [orders[2 * at], orders[2 * at + 1]].sort((left, right) => left - right);
      return [random(4), random(4), sent, end, random(5) === 0 ? FIRST_REASON : DELIVERED];
    }).sort((left, right) => left[2] - right[2]);
    const messages = messagesOf(rows);
    // An event reaches another along a message, or from an event to a later one of the same host.
    const events = [];
    rows.forEach(([src, dest, sent, end, fate], row) => {
      events.push({ row, host: src, order: sent, isReceipt: false });
      if (fate === DELIVERED) events.push({ row, host: dest, order: end, isReceipt: true });
    });
    const reaches = (from, to, seen = new Set()) => {
      if (from === to) return true;
      if (seen.has(from)) return false;
      seen.add(from);
      return events.some((next) => ((next.row === from.row && next.isReceipt && !from.isReceipt) || (next.host === from.host && next.order > from.order)) && reaches(next, to, seen));
    };
    const sending = (row) => events.find((event) => event.row === row && !event.isReceipt);
    const receipt = (row) => events.find((event) => event.row === row && event.isReceipt);
    const wanted = random(count);
    const expected = rows.map((_, row) => {
      if (row === wanted) return 3;
      if (receipt(row) && reaches(receipt(row), sending(wanted))) return 1;
      return receipt(wanted) && reaches(receipt(wanted), sending(row)) ? 2 : 0;
    });
    assert.deepEqual([...relatives(messages, eventsOf(messages), wanted)], expected, `round ${round}`);
  }
});

test("rows under way are found however long ago they began", () => {
  const rows = Array.from({ length: 5000 }, (_, at) => [0, 1, at, at + 1, DELIVERED]);
  rows[3] = [0, 1, 3, 4900, DELIVERED];
  rows[4] = [0, 1, 4, 0, IN_FLIGHT];
  const messages = messagesOf(rows);
  const found = [];
  eachBetween(messages.sent, messages.end, messages.blocks, 4800, 4802, (row) => found.push(row));
  assert.deepEqual(found, [3, 4, 4799, 4800, 4801]);
});

test("too many arrows become densities, in which every message counts", () => {
  const messages = messagesOf(Array.from({ length: 3000 }, (_, at) => [0, 1, at, at, at % 10 === 0 ? FIRST_REASON : DELIVERED]));
  assert.equal(rowsInView(messages, 0, 3000, () => true), null);
  assert.equal(rowsInView(messages, 0, 100, () => true).length, 100);
  const { all, dropped } = densities(messages, 0, 3000, [0, 1], 2, 100, () => true);
  const sum = (array) => array.reduce((total, count) => total + count, 0);
  assert.deepEqual([sum(all), sum(dropped)], [3000 + 2700, 300]);
});

test("the world at a moment", () => {
  const messages = messagesOf([[0, 1, 0, 5, DELIVERED], [1, 0, 2, 3, DELIVERED], [1, 0, 4, 0, IN_FLIGHT]]);
  const bands = bandsOf({ end_ns: 10, events: [
    { time_ns: 1, order: 1, what: "rule", rule: 1, text: "partition" }, { time_ns: 6, order: 6, what: "rule-removed", rule: 1 },
    { time_ns: 2, order: 2, what: "paused", host: 0 }, { time_ns: 3, order: 3, what: "resumed", host: 0 },
    { time_ns: 4, order: 4, what: "killed", host: 1 },
  ] });
  const at = (time) => {
    const { inFlight, faults } = stateAt({ messages, bands }, eachBetween, time);
    return [inFlight, faults.map((band) => band.name)];
  };
  assert.deepEqual([at(2), at(4), at(9)], [[[0, 1], ["partition", "paused"]], [[0, 2], ["partition", "dead"]], [[2], ["dead"]]]);
});

test("faults that overlap are one period, which names them all", () => {
  const hosts = [{ name: "n0" }, { name: "n1" }];
  const band = (from, to, name, host) => ({ from, to, name, host });
  const periods = periodsOf([band(0, 2, "dead", 0), band(5, 9, "partition"), band(1, 3, "dead", 1)], hosts);
  assert.deepEqual(periods.map(({ from, to, text }) => [from, to, text]), [[0, 3, "n0, n1 dead"], [5, 9, "partition"]]);
});

test("zooming keeps the time under the pointer, and never leaves the run", () => {
  const view = new View(1e9, () => {});
  view.zoom(0.5, 0.25);
  assert.deepEqual([view.from, view.to], [0.125e9, 0.625e9]);
  view.pan(-5);
  assert.deepEqual([view.from, view.to], [0, 0.5e9]);
  view.zoom(100);
  assert.deepEqual([view.from, view.to], [0, 1e9]);
});

test("ticks are round, and their labels differ", () => {
  for (const [from, to] of [[0, 5e9], [1.234567e9, 1.234568e9], [0, 3600e9]]) {
    const labels = ticks(from, to, 8).map((tick) => tick.label);
    assert.ok(labels.length > 1 && labels.length <= 9 && new Set(labels).size === labels.length, labels.join());
  }
  assert.equal(timeText(1_500_000), "1.5 ms");
});

test("searches in sorted arrays", () => {
  assert.equal(lowerBound([1, 3, 3, 5], 3), 1);
  assert.equal(lastIndex([1, 3, 3, 5], (value) => value <= 3), 2);
  assert.equal(lastIndex([], () => true), -1);
});

test("other bytes than a run's are refused", () => {
  assert.throws(() => decode(new ArrayBuffer(4)), /not a run's data/);
  assert.throws(() => decode(new ArrayBuffer(64)), /not a run's data/);
});

test("each filter lets only its messages pass", () => {
  const messages = { kind: [0, 1, 0], src: [0, 1, 2], dest: [1, 2, 0], fate: [DELIVERED, FIRST_REASON, DELIVERED], number: [10, 11, 12] };
  const all = { kind: -1, from: -1, to: -1, host: -1, onlyDropped: false, numbers: null };
  const rows = (asked) => [0, 1, 2].filter(passing(messages, { ...all, ...asked }));
  assert.deepEqual(rows({}), [0, 1, 2]);
  assert.deepEqual(rows({ kind: 1 }), [1]);
  assert.deepEqual(rows({ from: 0 }), [0]);
  assert.deepEqual(rows({ to: 0 }), [2]);
  assert.deepEqual(rows({ host: 0 }), [0, 2]);
  assert.deepEqual(rows({ onlyDropped: true }), [1]);
  assert.deepEqual(rows({ numbers: new Set([12]) }), [2]);
});

test("hosts that are hidden have no lane", () => {
  const head = { hosts: [{ name: "n10", role: "node" }, { name: "n2", role: "node" }, { name: "c1", role: "client" }] };
  const run = { head, messages: { src: [2], dest: [0] } };
  assert.deepEqual(lanesOf(run, false, new Set()).laneNames, ["n2", "n10", "clients"]);
  assert.deepEqual(lanesOf(run, true, new Set()).laneNames, ["n2", "n10", "c1"]);
  const { lanes, laneNames } = lanesOf(run, false, new Set([0, "clients"]));
  assert.deepEqual([[...lanes], laneNames], [[-1, 0, -1], ["n2"]]);
  assert.deepEqual(lanesOf(run, true, new Set(["clients"])).laneNames, ["n2", "n10"]);
});

test("an entry of the history is one line, and is found in any case", () => {
  const line = JSON.stringify([3, 1_500_000, null, "info", "Start-Partition", "[:a]", "late"]);
  assert.equal(entryText(entryOf(line)), "     3  0.001500 s  nemesis  info  Start-Partition  [:a]  late");
  assert.deepEqual([searched([line], "INFO  start-part"), searched([line], "x y"), searched([line], "")], [[line], [], [line]]);
});

test("a moment names what is in flight, cut off, paused and dead", () => {
  const run = { head: { hosts: [{ name: "n0" }, { name: "n1" }], kinds: ["gossip"] }, messages: { kind: [0], src: [0], dest: [1] } };
  const faults = [{ name: "dead", host: 1 }, { name: "paused", host: 0 }, { name: "partition n0 | n1" }];
  assert.deepEqual(momentOf(run, [0], faults), [["in flight (1)", "gossip n0→n1"], ["cut off or slowed", "partition n0 | n1"], ["paused", "n0"], ["dead", "n1"]]);
  assert.deepEqual(momentOf(run, [], [])[0], ["in flight (0)", "none"]);
});

test("the order of a linearizable prefix is found with its key, wherever it stands", () => {
  const verdict = { op: { index: 4 }, "prefix-count": 2, configs: [] };
  assert.deepEqual(firstOrder({ stats: { a: [1] }, workload: { results: { 7: { linearizable: verdict } } } }), { key: "7", verdict });
  assert.equal(firstOrder({ workload: { "valid?": true } }), null);
});

test("the log of a key has what was sent and polled at each offset, and what contradicts", () => {
  const { keys, unread } = logsOf([
    [1, 0, 0, "ok", "send", [["send", "k", [0, 5]]], null],
    [2, 0, 1, "ok", "send", [["send", "k", [0, 6]]], null],
    [3, 0, 1, "fail", "send", [["send", "k", 7]], null],
    [4, 0, 1, "ok", "poll", [["poll", { k: [[0, 5], [1, 9]] }]], null],
    [5, 0, 1, "ok", "poll"],
  ]);
  const plainly = [...keys.get("k")].map(([offset, values]) => [offset, [...values]]);
  assert.deepEqual(plainly, [[0, [["5", { sent: [1], polled: [4] }], ["6", { sent: [2], polled: [] }]]], [1, [["9", { sent: [], polled: [4] }]]]]);
  assert.equal(unread, 1);
});

test("the life of an element: a read that began after it was known misses it", () => {
  const { elements } = elementsOf([
    [0, 10, 0, "invoke", "add", 7, null],
    [1, 11, 1, "invoke", "read", null, null], // began before the element was acknowledged
    [2, 12, 0, "ok", "add", 7, null],
    [3, 13, 1, "ok", "read", [], null],
    [4, 14, 1, "invoke", "read", null, null],
    [5, 15, 1, "ok", "read", [7, 8], null],
    [6, 16, 1, "invoke", "read", null, null],
    [7, 17, 1, "ok", "read", [8], null],
  ]);
  const of = (value) => elements.find((element) => element.value === value);
  assert.deepEqual(of("7"), {
    value: "7", added: { index: 0, time: 10 }, acknowledged: { index: 2, time: 12 }, first: { index: 5, time: 15 }, last: { index: 5, time: 15 }, reads: 1, missing: 1, lost: 1,
  });
  assert.equal(of("8").missing, 0);
});
