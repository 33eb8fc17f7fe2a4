// The history and the logs of the nodes, as lists that can be searched.

import { lastIndex } from "./causality.js";
import { List } from "./list.js";
import { timeText } from "./view.js";

/// An entry of the history from its line: `[index, time, process, type, function, value, error]`.
export function entryOf(line) {
  const [index, time, process, type, f, value, error] = JSON.parse(line);
  return { index, time, process, type, f, value, error };
}

export function entryText({ index, time, process, type, f, value, error }) {
  return `${String(index).padStart(6)}  ${(time / 1e9).toFixed(6)} s  ${process ?? "nemesis"}  ${type}  ${f}  ${value}${error === null ? "" : `  ${error}`}`;
}

/// The lines of entries that, as they are shown, contain a text in any case.
export function searched(lines, text) {
  const wanted = text.toLowerCase();
  return wanted === "" ? lines : lines.filter((line) => entryText(entryOf(line)).toLowerCase().includes(wanted));
}

const linesOf = (text) => {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
};

async function textOf(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.text();
}

/// The history. `choose(entry)` is called when a person chooses one.
export async function showHistory(part, run, choose) {
  const list = new List(part("history"), (line) => entryText(entryOf(line)), (line) => choose(entryOf(line)));
  let lines = [];
  const search = () => {
    list.show(searched(lines, part("history-text").value));
    part("history-count").textContent = `${list.items.length} of ${lines.length} entries`;
  };
  const read = async () => {
    lines = linesOf(await textOf(`/history/${run}`));
    search();
  };
  part("history-text").addEventListener("input", search);
  part("history-text").form.addEventListener("submit", (event) => event.preventDefault());
  await read();
  return {
    read,
    /// Shows the last entry up to a time.
    reveal: (time) => list.select(lastIndex(list.items, (line) => entryOf(line).time <= time)),
  };
}

/// The end of a node's log is read: all of it may be large.
const MAX_LOG = 8 << 20;

export function showLogs(part) {
  const list = new List(part("log-lines"), ({ number, line }) => `${String(number).padStart(6)}  ${line}`, () => {});
  let [lines, name] = [[], null];
  const search = () => {
    const wanted = part("log-text").value.toLowerCase();
    list.show(lines.filter(({ line }) => line.toLowerCase().includes(wanted)));
    part("log-count").textContent = `${list.items.length} of ${lines.length} lines`;
  };
  const read = async () => {
    const address = part("log").value;
    if (address === "") return void (part("log-count").textContent = "There is no log.");
    name = address;
    const text = await textOf(`/files/${address}`);
    if (name !== address) return;
    const isCut = text.length > MAX_LOG;
    lines = linesOf(isCut ? text.slice(-MAX_LOG) : text).map((line, at) => ({ number: at + 1, line }));
    search();
    if (isCut) part("log-count").textContent += ", the end of the log";
    list.select(list.items.length - 1);
  };
  const failed = (error) => (part("log-count").textContent = `The log can't be read: ${error.message}.`);
  part("log").addEventListener("change", () => read().catch(failed));
  part("log-text").addEventListener("input", search);
  part("log").form.addEventListener("submit", (event) => event.preventDefault());
  read().catch(failed);
  return {
    read: () => read().catch(failed),
    /// Opens the log of a node.
    open: (node) => {
      const option = [...part("log").options].find(({ text }) => text === `${node}.log`);
      if (!option) return;
      part("log").value = option.value;
      read().catch(failed);
    },
  };
}

/// What holds at a moment, as pairs of a name and texts: messages in flight, what is cut off, who is paused or dead.
export function momentOf(run, inFlight, faults) {
  const { hosts, kinds } = run.head;
  const { messages } = run;
  const list = inFlight.slice(0, 12).map((row) => `${kinds[messages.kind[row]]} ${hosts[messages.src[row]].name}→${hosts[messages.dest[row]].name}`);
  if (inFlight.length > list.length) list.push(`${inFlight.length - list.length} more`);
  const of = (name) => faults.filter((fault) => fault.host !== undefined && fault.name === name).map(({ host }) => hosts[host].name);
  const rules = faults.filter(({ host }) => host === undefined).map(({ name }) => name);
  const pairs = [[`in flight (${inFlight.length})`, list], ["cut off or slowed", rules], ["paused", of("paused")], ["dead", of("dead")]];
  return pairs.map(([name, texts]) => [name, texts.length ? texts.join(", ") : "none"]);
}

export function drawMoment(element, run, time, inFlight, faults) {
  const heading = Object.assign(document.createElement("strong"), { textContent: `At ${timeText(time, 6)}` });
  const pairs = document.createElement("dl");
  for (const [name, text] of momentOf(run, inFlight, faults)) {
    pairs.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: text }));
  }
  element.replaceChildren(heading, pairs);
}
