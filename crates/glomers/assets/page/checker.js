// What the checker of the workload saw: an order of the operations, the log of a key, the life of an element.

import { elementsOf, firstOrder, logsOf } from "./verdicts.js";
import { plain } from "./data.js";
import { timeText } from "./view.js";

const MAX_ROWS = 500;
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const linked = (index) => make("a", { href: `#op${index}`, textContent: `operation ${index}` });

/// `highlight(index)` marks an operation in the panes while the pointer or the focus is on its row.
export async function showChecker(element, { run, workload }, highlight) {
  const entries = async () => {
    const answer = await fetch(`/history/${run}?values=json`);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    return (await answer.text()).split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  };
  const views = {
    "lin-kv": () => showOrder(element, run, highlight),
    kafka: async () => showLogsOfKeys(element, logsOf(await entries())),
    broadcast: async () => showElements(element, elementsOf(await entries())),
    "g-set": async () => showElements(element, elementsOf(await entries())),
  };
  if (!Object.hasOwn(views, workload)) return;
  try {
    await views[workload]();
  } catch (error) {
    element.replaceChildren(make("p", { textContent: `What the checker saw can't be shown: ${error.message}.` }));
    element.hidden = false;
  }
}

function show(element, title, ...parts) {
  element.replaceChildren(make("h2", { textContent: title }), ...parts);
  element.hidden = false;
}

function table(names, rows) {
  const head = make("tr", {}, ...names.map((name) => make("th", { textContent: name, scope: "col" })));
  const scroll = make("div", { className: "scroll", tabIndex: 0 }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", names.join(", "));
  return scroll;
}

const cells = (...contents) => make("tr", {}, ...contents.map((content) => make("td", {}, ...[content].flat())));

/// The order that fits the longest linearizable prefix, the state after each operation, and the operation that fits nowhere.
async function showOrder(element, run, highlight) {
  const answer = await fetch(`/files/${run}/results.json`);
  if (!answer.ok) return;
  const found = firstOrder(await answer.json());
  if (!found) return;
  const { key, verdict } = found;
  let stuck = null;
  const marked = (row, index) => {
    row.addEventListener("pointerenter", () => highlight(index));
    row.addEventListener("pointerleave", () => highlight(stuck));
    row.addEventListener("focusin", () => highlight(index));
    row.addEventListener("click", () => {
      stuck = stuck === index ? null : index;
      for (const other of row.parentElement.children) other.setAttribute("aria-selected", other === row && stuck !== null);
      highlight(stuck ?? index);
    });
    return row;
  };
  const described = ({ index, process, action }) => [linked(index), `process ${process}`, plain(String(action))];
  const order = (verdict["final-paths"]?.[0] ?? []).slice(-MAX_ROWS);
  const rows = order.map(({ op, model }) => marked(cells(...described(op), plain(String(model))), op.index));
  const states = verdict.configs.map(({ model }) => plain(String(model))).join(" or ");
  rows.push(marked(cells(...described(verdict.op), `✕ not possible after ${states || "any order"}`), verdict.op.index));
  const leftOut = verdict["final-paths-left-out"] ? ` The first ${verdict["final-paths-left-out"]} operations of it are left out.` : "";
  const sentence = `${verdict["prefix-count"]} operations had ended before the one that fits in no order. ${order.length ? `This order fits them.${leftOut}` : "The states that were possible then are below."} Point at a row to see the operation above; click to keep it marked.`;
  show(element, `The longest linearizable prefix${key === null ? "" : ` of key ${plain(key)}`}`, make("p", { textContent: sentence }), table(["Operation", "Process", "Action", "State after it"], rows));
}

/// The log of a key: what each offset holds, as senders and polls have it.
function showLogsOfKeys(element, { keys, unread }) {
  const select = make("select", {}, ...[...keys.keys()].map((key) => make("option", { value: key, textContent: plain(key) })));
  const body = make("div");
  const draw = () => {
    const offsets = [...(keys.get(select.value) ?? new Map())].sort(([left], [right]) => left - right);
    const rows = offsets.slice(0, MAX_ROWS).map(([offset, values]) => {
      const list = [...values];
      const texts = list.map(([value]) => plain(value)).join(" ≠ ");
      const sent = list.flatMap(([, { sent }]) => sent.slice(0, 3).flatMap((index) => [linked(index), " "]));
      const polled = list.flatMap(([, { polled }]) => (polled.length ? [`${polled.length} ×, first `, linked(polled[0]), " "] : []));
      return cells(String(offset), `${list.length > 1 ? "✕ " : ""}${texts}`, sent.length ? sent : "by nobody who was told", polled.length ? polled : "never");
    });
    const more = offsets.length > MAX_ROWS ? [make("p", { textContent: `${offsets.length - MAX_ROWS} more offsets are not shown.` })] : [];
    body.replaceChildren(table(["Offset", "Value", "Sent", "Polled"], rows), ...more);
  };
  select.addEventListener("change", draw);
  const note = unread ? [make("p", { textContent: `${unread} entries are too long to be shown here, and are left out.` })] : [];
  // The key with the most contradictions first: it is what a person looks for.
  const worst = [...keys].map(([key, offsets]) => [key, [...offsets.values()].filter((values) => values.size > 1).length]).sort((left, right) => right[1] - left[1])[0];
  if (!worst) return;
  select.value = worst[0];
  draw();
  show(element, "The log of a key", make("p", {}, make("label", {}, "Key ", select)), ...note, body);
}

/// The life of each element: given, acknowledged, first and last seen, and how many later reads missed it. Lost ones first.
function showElements(element, { elements, unread }) {
  if (elements.length === 0) return;
  const body = make("div");
  const input = make("input", { type: "search", maxLength: 200 });
  const draw = () => {
    const wanted = elements.filter(({ value }) => value.includes(input.value));
    const rows = wanted.slice(0, MAX_ROWS).map(({ value, added, acknowledged, first, last, reads, missing, lost }) =>
      cells(
        plain(value),
        added ? [linked(added.index), ` ${timeText(added.time, 3)}`] : "never",
        acknowledged ? timeText(acknowledged.time, 3) : "never",
        first ? [linked(first.index), ` ${timeText(first.time, 3)}`] : "never",
        last ? [linked(last.index), ` ${timeText(last.time, 3)}`] : "never",
        `${reads}`,
        `${missing}`,
        lost ? `✕ ${lost}` : "0",
      ));
    const more = wanted.length > MAX_ROWS ? [make("p", { textContent: `${wanted.length - MAX_ROWS} more are not shown: search for one.` })] : [];
    body.replaceChildren(table(["Element", "Given", "Acknowledged", "First seen", "Last seen", "Reads with it", "Reads without it", "Reads after the last that had it"], rows), ...more);
  };
  input.addEventListener("input", draw);
  draw();
  const note = unread ? [make("p", { textContent: `${unread} entries are too long to be shown here, and are left out.` })] : [];
  show(element, "The life of each element", make("p", {}, make("label", {}, "Element ", input)), ...note, body);
}
