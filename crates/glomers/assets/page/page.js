// The run page: reads the run's data, draws its panes on one time axis, and answers the pointer, the keys and the filter.

import { eventsOf, lastIndex, relatives, stateAt } from "./causality.js";
import { FIRST_REASON, DELIVERED, OUTCOMES, decode, eachBetween, lowerBound, plain } from "./data.js";
import { LEFT, drawLanes, heightOf, rowAt } from "./lanes.js";
import { drawAxis, drawLatency, drawOperations, drawRate } from "./series.js";
import { View, timeText } from "./view.js";

const root = document.getElementById("explorer");
const part = (name) => root.querySelector(`[data-part="${name}"]`);
const address = root.dataset.run;
const pane = { marks: null, selected: null, operation: null, cursor: 0, found: null, rows: null };
const MAX_LANES = 200;
const canvases = {};
let events = null;
let isDrawing = false;

async function start() {
  const answer = await fetch(`/data/${address}`);
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const run = decode(await answer.arrayBuffer());
  Object.assign(pane, { run, view: new View(run.head.end_ns, draw), passes: () => true, shade });
  Object.assign(pane, rowsOfProcesses(run.operations));
  chooseLanes();
  fillFilter(run.head);
  for (const name of ["axis", "latency", "rate", "operations", "lanes"]) canvases[name] = part(name);
  listen();
  const { messages, operations, events: others } = run.head.omitted;
  const omitted = messages + operations + others;
  const note = omitted ? `Not shown, because there are too many: ${messages} messages, ${operations} operations, ${others} events. ` : "";
  part("status").textContent = `${note}${run.head.trouble ? `Shown up to where ${plain(run.head.trouble)}` : ""}`;
  part("body").hidden = false;
  followHash();
  draw();
  showState();
  performance.mark("drawn");
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

/// One lane for each node and service that took part, and below them one for all clients, or one each if the person wants to see them apart.
function chooseLanes() {
  const { head, messages } = pane.run;
  const { hosts } = head;
  pane.active ??= new Set([...new Set(messages.src), ...new Set(messages.dest)]);
  const rank = { node: 0, service: 1, client: 2, unknown: 3 };
  const apart = part("clients").checked;
  const isShown = (host) => (apart || hosts[host].role !== "client") && (hosts[host].role === "node" || pane.active.has(host));
  const number = (host) => Number(hosts[host].name.match(/\d+$/)?.[0] ?? 0);
  const shown = hosts.map((_, host) => host).filter(isShown);
  shown.sort((left, right) => rank[hosts[left].role] - rank[hosts[right].role] || number(left) - number(right));
  // A picture of hundreds of lanes says nothing, and would be larger than a canvas may be.
  const few = shown.slice(0, MAX_LANES);
  const laneCount = few.length + (apart ? 0 : 1);
  const lanes = Int32Array.from(hosts, ({ role }) => (role === "client" && !apart ? laneCount - 1 : -1));
  few.forEach((host, lane) => (lanes[host] = lane));
  const names = few.map((host) => hosts[host].name);
  Object.assign(pane, { lanes, laneNames: apart ? names : [...names, "clients"] });
}

function fillFilter(head) {
  const option = (text, value) => Object.assign(document.createElement("option"), { textContent: text, value });
  head.kinds.forEach((kind, number) => part("kind").append(option(kind, number)));
  head.hosts.forEach(({ name, role }, number) => role !== "client" && part("host").append(option(name, number)));
}

async function filter() {
  const { messages } = pane.run;
  const [kind, host, text] = [part("kind").value, part("host").value, part("text").value];
  const onlyDropped = part("dropped").checked;
  chooseLanes();
  pane.found = null;
  if (text !== "") {
    const answer = await (await fetch(`/detail/${address}?text=${encodeURIComponent(text)}`)).json();
    pane.found = new Set(answer.messages);
    part("status").textContent = `${answer.has_more ? "The first " : ""}${answer.messages.length} messages contain the text.`;
  }
  const [wantedKind, wantedHost] = [kind === "" ? -1 : Number(kind), host === "" ? -1 : Number(host)];
  pane.passes = (row) =>
    (wantedKind < 0 || messages.kind[row] === wantedKind) &&
    (wantedHost < 0 || messages.src[row] === wantedHost || messages.dest[row] === wantedHost) &&
    (!onlyDropped || messages.fate[row] >= FIRST_REASON) &&
    (!pane.found || pane.found.has(messages.number[row]));
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
  const { hosts } = pane.run.head;
  const { messages } = pane.run;
  const list = inFlight.slice(0, 8).map((row) => `${pane.run.head.kinds[messages.kind[row]]} ${hosts[messages.src[row]].name}→${hosts[messages.dest[row]].name}`);
  const more = inFlight.length > 8 ? ", …" : "";
  const held = faults.map(({ host, name }) => host === undefined ? name : `${hosts[host].name} ${name}`);
  part("state").textContent = `At ${timeText(pane.cursor, 6)}: ${inFlight.length} in flight${list.length ? ` (${list.join(", ")}${more})` : ""}; ${held.length ? `faults: ${held.join("; ")}` : "no fault"}.`;
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

async function selectOperation(bar) {
  const { operations, head } = pane.run;
  Object.assign(pane, { selected: null, marks: null, operation: bar });
  history.replaceState(null, "", `#op${operations.index[bar]}`);
  const isOpen = Number.isNaN(operations.end[bar]);
  setCursor(operations.start[bar]);
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

/// Opens what the address names: `#op12` an operation by an index of the history, `#m7` a message, `#t900` a time in nanoseconds.
function followHash() {
  const [, kind, digits] = location.hash.match(/^#(op|m|t)(\d+)$/) ?? [];
  const number = Number(digits);
  const { messages, operations } = pane.run;
  if (kind === "t") setCursor(number);
  if (kind === "m") {
    const row = messages.number.indexOf(number);
    if (row < 0) return;
    const length = Math.max((messages.end[row] || 0) - messages.sent[row], 1e6);
    pane.view.show(messages.sent[row] - 5 * length, messages.sent[row] + 6 * length);
    selectMessage(row);
    root.scrollIntoView();
  }
  if (kind === "op") {
    let bar = operations.index.indexOf(number);
    if (bar < 0) bar = operations.endIndex.indexOf(number);
    if (bar < 0) return;
    const length = Math.max((operations.end[bar] || pane.view.end) - operations.start[bar], 1e6);
    pane.view.show(operations.start[bar] - 2 * length, operations.start[bar] + 3 * length);
    selectOperation(bar);
    root.scrollIntoView();
  }
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

function listen() {
  const pointers = new Map();
  let brush = null;
  let moved = 0;
  for (const [name, canvas] of Object.entries(canvases)) {
    const share = (event) => Math.max(0, (event.offsetX - LEFT) / (canvas.clientWidth - LEFT));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pane.view.pan(event.deltaX / canvas.clientWidth);
      else pane.view.zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 150), share(event));
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, event.offsetX);
      moved = 0;
      brush = event.shiftKey ? share(event) : null;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (before === undefined) return;
      moved += Math.abs(event.offsetX - before);
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      pointers.set(event.pointerId, event.offsetX);
      if (other !== undefined) pane.view.zoom(Math.max(10, Math.abs(before - other)) / Math.max(10, Math.abs(event.offsetX - other)), share(event));
      else if (brush === null && moved > 3) pane.view.pan((before - event.offsetX) / (canvas.clientWidth - LEFT));
    });
    const finish = (event) => {
      if (!pointers.delete(event.pointerId) || event.type === "pointercancel") return;
      if (brush !== null && moved > 5) {
        const [from, to] = [brush, share(event)].sort((left, right) => left - right).map((share) => pane.view.from + share * (pane.view.to - pane.view.from));
        pane.view.show(from, to);
      } else if (moved <= 3) {
        click(name, event.offsetX, event.offsetY);
      }
      brush = null;
    };
    canvas.addEventListener("pointerup", finish);
    canvas.addEventListener("pointercancel", finish);
  }
  const actions = {
    "+": () => pane.view.zoom(0.7), "=": () => pane.view.zoom(0.7), "-": () => pane.view.zoom(1 / 0.7),
    ArrowLeft: () => pane.view.pan(-0.15), ArrowRight: () => pane.view.pan(0.15), Home: () => pane.view.show(0, pane.view.end),
    ",": () => step(false), ".": () => step(true), Escape: clearSelection,
  };
  part("panes").addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
  for (const button of root.querySelectorAll("[data-key]")) button.addEventListener("click", () => actions[button.dataset.key]());
  part("filter").addEventListener("change", filter);
  part("filter").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", followHash);
  new ResizeObserver(draw).observe(root);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

start().catch((error) => {
  part("status").textContent = `The run can't be drawn: ${error.message}. The files below hold what it recorded.`;
});
