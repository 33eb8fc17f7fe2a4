// The run page: reads the run's data, draws its panes on one time axis, and answers the pointer, the keys and the filter.

import { eventsOf, lastIndex, relatives, stateAt } from "./causality.js";
import { showChecker } from "./checker.js";
import { FIRST_REASON, DELIVERED, OUTCOMES, decode, eachBetween, lowerBound, plain } from "./data.js";
import { fill, hiddenHosts, lanesOf, passing, searchBodies } from "./filter.js";
import { listen } from "./input.js";
import { LEFT, drawLanes, heightOf, rowAt } from "./lanes.js";
import { follow } from "./live.js";
import { drawMoment, showHistory, showLogs } from "./records.js";
import { drawAxis, drawLatency, drawOperations, drawRate } from "./series.js";
import { View, timeText } from "./view.js";

const root = document.getElementById("explorer");
const part = (name) => root.querySelector(`[data-part="${name}"]`);
const address = root.dataset.run;
const pane = { marks: null, selected: null, operation: null, cursor: 0, rows: null };
const canvases = {};
let events = null;
let [records, logs, bodies] = [null, null, { numbers: null, sentence: "" }];
let isDrawing = false;

async function read() {
  const answer = await fetch(`/data/${address}`);
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const run = decode(await answer.arrayBuffer());
  const before = pane.view;
  Object.assign(pane, { run, view: new View(run.head.end_ns, draw), shade, marks: null, selected: null, operation: null });
  // While a run goes on, who looks at all of it goes on to do so, and who looks at a part stays there.
  if (before && before.to < before.end) pane.view.show(before.from, before.to);
  Object.assign(pane, rowsOfProcesses(run.operations));
  events = null;
  fill(part, run.head);
  applyFilter();
  const { messages, operations, events: others } = run.head.omitted;
  const omitted = messages + operations + others;
  const note = omitted ? `Not shown, because there are too many: ${messages} messages, ${operations} operations, ${others} events. ` : "";
  const isUnderWay = root.dataset.state === "running";
  say(`${note}${run.head.trouble && !isUnderWay ? `Shown up to where ${plain(run.head.trouble)}` : ""}`);
}

function say(sentence) {
  part("status").textContent = sentence;
}

async function start() {
  await read();
  for (const name of ["axis", "latency", "rate", "operations", "lanes"]) canvases[name] = part(name);
  const actions = {
    "+": () => pane.view.zoom(0.7), "=": () => pane.view.zoom(0.7), "-": () => pane.view.zoom(1 / 0.7),
    ArrowLeft: () => pane.view.pan(-0.15), ArrowRight: () => pane.view.pan(0.15), Home: () => pane.view.show(0, pane.view.end),
    ",": () => step(false), ".": () => step(true), Escape: clearSelection,
  };
  listen(root, canvases, () => pane.view, actions, click);
  part("filter").addEventListener("change", () => filter().catch((error) => say(`The search failed: ${error.message}.`)));
  part("filter").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", followHash);
  new ResizeObserver(draw).observe(root);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  part("body").hidden = false;
  logs = showLogs(part);
  followHash();
  draw();
  showState();
  performance.mark("drawn");
  const failed = (error) => (part("history-count").textContent = `The history can't be read: ${error.message}.`);
  records = await showHistory(part, address, chooseEntry).catch(failed);
  records?.reveal?.(pane.cursor);
  if (root.dataset.state !== "running") return showChecker(part("checker"), root.dataset, highlight);
  follow(address, async () => {
    await Promise.all([read(), records?.read?.(), logs.read()]).catch((error) => say(`The run can't be read: ${error.message}.`));
    draw();
    showState();
  });
}

function chooseEntry({ index, time }) {
  const { index: starts, endIndex } = pane.run.operations;
  const bar = Math.max(starts.indexOf(index), endIndex.indexOf(index));
  if (bar >= 0) selectOperation(bar, time);
  else setCursor(time);
}

/// Marks the operation with an index of the history, without moving anything.
function highlight(index) {
  const bar = index === null ? null : barOf(index);
  Object.assign(pane, { operation: bar, selected: null, marks: null });
  draw();
}

function barOf(index) {
  const { operations } = pane.run;
  const begun = operations.index.indexOf(index);
  return begun >= 0 ? begun : operations.endIndex.indexOf(index);
}

/// A row of the operations' pane for each process. After an unknown outcome a new process takes over the row.
export function rowsOfProcesses(operations) {
  const rowsOf = new Int32Array(operations.count).fill(-1);
  const rowOf = new Map();
  let [free, rowCount] = [[], 0];
  for (let bar = 0; bar < operations.count; bar++) {
    const process = operations.process[bar];
    if (process < 0) continue;
    if (!rowOf.has(process)) {
      const at = free.findIndex(({ time }) => time <= operations.start[bar]);
      rowOf.set(process, at >= 0 ? free.splice(at, 1)[0].row : rowCount++);
    }
    rowsOf[bar] = rowOf.get(process);
    if (operations.outcome[bar] === 3) free.push({ row: rowsOf[bar], time: operations.end[bar] });
  }
  return { rowsOf, rowCount };
}

function applyFilter() {
  const chosen = (name) => (part(name).value === "" ? -1 : Number(part(name).value));
  const [kind, from, to, host] = ["kind", "from", "to", "host"].map(chosen);
  pane.passes = passing(pane.run.messages, { kind, from, to, host, onlyDropped: part("dropped").checked, numbers: bodies.numbers });
  Object.assign(pane, lanesOf(pane.run, part("clients").checked, hiddenHosts(part)));
}

async function filter() {
  bodies = await searchBodies(address, part("text").value, part("value").value);
  say(bodies.sentence);
  applyFilter();
  draw();
}

/// Draws all panes before the next frame.
function draw() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    const styles = getComputedStyle(root);
    const colours = {};
    for (const name of ["text", "muted", "grid", "paper", "ok", "info", "fail", "fault", "cause", "consequence"]) {
      colours[name] = styles.getPropertyValue(`--${name}`).trim();
    }
    colours.open = colours.info;
    const paint = (name, height, drawPane) => {
      const canvas = prepare(canvases[name], height, colours);
      const result = drawPane(canvas, { ...pane, selected: pane.operation });
      const x = LEFT + pane.view.x(pane.cursor, canvas.width - LEFT);
      if (x >= LEFT) {
        canvas.context.fillStyle = colours.text;
        canvas.context.fillRect(Math.round(x), 0, 1, height);
      }
      return result;
    };
    paint("axis", 44, drawAxis);
    paint("latency", 110, drawLatency);
    paint("rate", 64, drawRate);
    paint("operations", Math.min(Math.max(24, 18 * pane.rowCount + 4), 160), drawOperations);
    pane.rows = paint("lanes", heightOf(pane.laneNames.length), drawLanes);
  });
}

/// The canvas at the screen's resolution, empty.
function prepare(element, height, colours) {
  const width = element.parentElement.clientWidth;
  const scale = window.devicePixelRatio || 1;
  const [wide, tall] = [Math.round(width * scale), Math.round(height * scale)];
  if (element.width !== wide || element.height !== tall) {
    [element.width, element.height] = [wide, tall];
    element.style.height = `${height}px`;
  }
  const context = element.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return { context, width, height, colours, rgb };
}

/// Faults as bands behind a pane.
function shade(context, height) {
  const width = context.canvas.parentElement.clientWidth;
  context.fillStyle = getComputedStyle(root).getPropertyValue("--fault").trim();
  context.globalAlpha = 0.14;
  for (const { from, to } of pane.run.periods) {
    const left = Math.max(LEFT, LEFT + pane.view.x(from, width - LEFT));
    const right = LEFT + pane.view.x(to, width - LEFT);
    if (right > LEFT && left < width) context.fillRect(left, 0, Math.max(1, right - left), height);
  }
  context.globalAlpha = 1;
}

function setCursor(time) {
  pane.cursor = Math.min(Math.max(time, 0), pane.view.end);
  pane.view.reveal(pane.cursor);
  draw();
  showState();
}

/// Moves the cursor to the next or the previous sending or receipt.
function step(forwards) {
  events ??= eventsOf(pane.run.messages);
  const { messages } = pane.run;
  const time = (event) => (event % 2 === 1 ? messages.end : messages.sent)[Math.floor(event / 2)];
  const at = lastIndex(events, (event) => (forwards ? time(event) <= pane.cursor : time(event) < pane.cursor));
  const event = events[forwards ? at + 1 : at];
  if (event !== undefined) setCursor(time(event));
}

function showState() {
  const { inFlight, faults } = stateAt(pane.run, eachBetween, pane.cursor);
  drawMoment(part("state"), pane.run, pane.cursor, inFlight, faults);
  records?.reveal?.(pane.cursor);
}

/// Shows pairs of a name and a text, and never markup.
function inspect(title, pairs) {
  const heading = Object.assign(document.createElement("h3"), { textContent: title });
  const list = document.createElement("dl");
  for (const [name, text] of pairs.filter(([, text]) => text !== null && text !== undefined)) {
    list.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: plain(String(text)) }));
  }
  part("inspector").replaceChildren(heading, list);
}

async function selectMessage(row) {
  const { messages, head } = pane.run;
  events ??= eventsOf(messages);
  Object.assign(pane, { selected: row, operation: null, marks: relatives(messages, events, row) });
  history.replaceState(null, "", `#m${messages.number[row]}`);
  setCursor(messages.sent[row]);
  const fate = messages.fate[row];
  const ended = fate === DELIVERED ? "delivered" : fate >= FIRST_REASON ? `dropped: ${head.reasons[fate - FIRST_REASON]}` : "in flight at the end";
  const counts = [0, 0, 0, 0];
  for (const mark of pane.marks) counts[mark]++;
  const pairs = [["fate", ended], ["sent", timeText(messages.sent[row], 6)], ["ended", fate ? timeText(messages.end[row], 6) : null], ["took", fate ? timeText(messages.end[row] - messages.sent[row]) : null], ["causes", counts[1]], ["consequences", counts[2]]];
  const title = `${head.kinds[messages.kind[row]]} from ${head.hosts[messages.src[row]].name} to ${head.hosts[messages.dest[row]].name}`;
  inspect(title, pairs);
  const answer = await fetch(`/detail/${address}?message=${messages.number[row]}`);
  if (!answer.ok || pane.selected !== row) return;
  const { body, claimed_src: claimed } = await answer.json();
  inspect(title, [...pairs, ["sent in the name of", claimed], ["body", body]]);
}

async function selectOperation(bar, time = pane.run.operations.start[bar]) {
  const { operations, head } = pane.run;
  Object.assign(pane, { selected: null, marks: null, operation: bar });
  history.replaceState(null, "", `#op${operations.index[bar]}`);
  const isOpen = Number.isNaN(operations.end[bar]);
  setCursor(time);
  const pairs = [["outcome", OUTCOMES[operations.outcome[bar]]], ["began", timeText(operations.start[bar], 6)], ["took", isOpen ? null : timeText(operations.end[bar] - operations.start[bar])]];
  const process = operations.process[bar] < 0 ? "the nemesis" : `process ${operations.process[bar]}`;
  const title = `${head.functions[operations.f[bar]]} by ${process} (#${operations.index[bar]})`;
  inspect(title, pairs);
  const answer = await fetch(`/detail/${address}?operation=${operations.index[bar]}`);
  if (!answer.ok || pane.operation !== bar) return;
  const { value, result, error } = await answer.json();
  inspect(title, [...pairs, ["value", value], ["result", result], ["error", error]]);
}

function clearSelection() {
  Object.assign(pane, { selected: null, operation: null, marks: null });
  part("inspector").replaceChildren();
  draw();
}

/// Opens what the address names: `#op12` an operation by an index of the history, `#m7` a message, `#t900` a time in nanoseconds, `#host-n1`
/// a node with its messages and its log.
function followHash() {
  const host = location.hash.match(/^#host-(.+)$/)?.[1];
  if (host !== undefined) return openHost(host);
  const [, kind, digits] = location.hash.match(/^#(op|m|t)(\d+)$/) ?? [];
  if (!kind) return;
  const number = Number(digits);
  const { messages, operations } = pane.run;
  if (kind === "t") {
    const span = Math.min(pane.view.end, Math.max(pane.view.end / 20, 1e8));
    pane.view.show(number - span / 2, number + span / 2);
    setCursor(number);
  } else if (kind === "m") {
    const row = messages.number.indexOf(number);
    if (row < 0) return missing(`There is no message ${digits} in this run`);
    const length = Math.max((messages.end[row] || 0) - messages.sent[row], 1e6);
    pane.view.show(messages.sent[row] - 5 * length, messages.sent[row] + 6 * length);
    selectMessage(row);
  } else {
    const bar = barOf(number);
    if (bar < 0) return missing(`There is no operation ${digits} in this run`);
    const length = Math.max((operations.end[bar] || pane.view.end) - operations.start[bar], 1e6);
    pane.view.show(operations.start[bar] - 2 * length, operations.start[bar] + 3 * length);
    selectOperation(bar);
  }
  root.scrollIntoView();
}

function missing(sentence) {
  const isCut = pane.run.head.trouble || Object.values(pane.run.head.omitted).some((count) => count > 0);
  say(`${sentence}${isCut ? ", as far as it is shown" : ""}.`);
  root.scrollIntoView();
}

/// Shows the messages of a node only, and its log.
function openHost(encoded) {
  let name = encoded;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    // The name is taken as it stands.
  }
  const host = pane.run.head.hosts.findIndex((host) => host.name === name);
  if (host < 0) return missing(`There is no node ${plain(name)} in this run`);
  part("host").value = String(host);
  applyFilter();
  logs.open(name);
  say(`Only messages from and to ${name} are shown.`);
  draw();
  root.scrollIntoView();
}

function click(name, x, y) {
  const { view, run } = pane;
  const width = canvases[name].parentElement.clientWidth;
  const time = view.time(Math.max(0, x - LEFT), width - LEFT);
  const row = name === "lanes" && pane.rows ? rowAt(pane, pane.rows, width, x, y) : null;
  if (row !== null) return selectMessage(row);
  const tall = Math.max(2, Math.min(18, (canvases[name].clientHeight - 4) / Math.max(pane.rowCount, 1)));
  const { operations } = run;
  let hit = null;
  if (name === "operations") {
    eachBetween(operations.start, operations.end, operations.blocks, time, time + 1, (bar) => {
      if (pane.rowsOf[bar] === Math.floor((y - 2) / tall)) hit = bar;
    });
  } else if (name === "latency") {
    const bar = lowerBound(operations.start, time);
    if (bar < operations.count && Math.abs(view.x(operations.start[bar] - time + view.from, width - LEFT)) < 5) hit = bar;
  }
  if (hit !== null) return selectOperation(hit);
  setCursor(time);
}

start().catch((error) => {
  part("status").textContent = `The run can't be drawn: ${error.message}. The files below hold what it recorded.`;
});
