// Which messages and hosts the diagram shows.

import { FIRST_REASON } from "./data.js";

const MAX_LANES = 200;

/// One lane for each node and service that took part, and below them one for all clients, or one each if they are to be apart.
export function lanesOf({ head, messages }, areApart, hidden) {
  const { hosts } = head;
  const active = new Set([...new Set(messages.src), ...new Set(messages.dest)]);
  const rank = { node: 0, service: 1, client: 2, unknown: 3 };
  const isShown = (host) =>
    !hidden.has(host) && (areApart || hosts[host].role !== "client") && !(hosts[host].role === "client" && hidden.has("clients")) &&
    (hosts[host].role === "node" || active.has(host));
  const number = (host) => Number(hosts[host].name.match(/\d+$/)?.[0] ?? 0);
  const shown = hosts.map((_, host) => host).filter(isShown);
  shown.sort((left, right) => rank[hosts[left].role] - rank[hosts[right].role] || number(left) - number(right));
  // A picture of hundreds of lanes says nothing, and would be larger than a canvas may be.
  const few = shown.slice(0, MAX_LANES);
  const hasClients = !areApart && !hidden.has("clients");
  const lanes = Int32Array.from(hosts, ({ role }) => (role === "client" && hasClients ? few.length : -1));
  few.forEach((host, lane) => (lanes[host] = lane));
  const names = few.map((host) => hosts[host].name);
  return { lanes, laneNames: hasClients ? [...names, "clients"] : names };
}

/// Whether a message passes: its type, sender, receiver, fate, and its number if a search in bodies chose some. -1 lets all pass.
export function passing(messages, { kind, from, to, host, onlyDropped, numbers }) {
  return (row) =>
    (kind < 0 || messages.kind[row] === kind) &&
    (from < 0 || messages.src[row] === from) &&
    (to < 0 || messages.dest[row] === to) &&
    (host < 0 || messages.src[row] === host || messages.dest[row] === host) &&
    (!onlyDropped || messages.fate[row] >= FIRST_REASON) &&
    (!numbers || numbers.has(messages.number[row]));
}

/// Fills the form with the run's names. Names that are there already stay, with what was chosen.
export function fill(part, head) {
  const option = (text, value) => Object.assign(document.createElement("option"), { textContent: text, value });
  const add = (select, names) => {
    const known = new Set([...select.options].map(({ value }) => value));
    for (const [text, value] of names) if (!known.has(String(value))) select.append(option(text, value));
  };
  add(part("kind"), head.kinds.map((kind, number) => [kind, number]));
  const hosts = head.hosts.map(({ name, role }, number) => [name, number, role]).filter(([, , role]) => role !== "client");
  for (const name of ["host", "from", "to"]) add(part(name), hosts);
  const boxes = part("hosts");
  const known = new Set([...boxes.querySelectorAll("input")].map(({ value }) => value));
  for (const [name, number] of [...hosts.slice(0, MAX_LANES), ["clients", "clients"]]) {
    if (known.has(String(number))) continue;
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value: number, checked: true });
    const label = document.createElement("label");
    label.append(box, ` ${name}`);
    boxes.append(label);
  }
}

/// The hosts whose boxes are not ticked: their numbers, and `clients`.
export function hiddenHosts(part) {
  const off = [...part("hosts").querySelectorAll("input:not(:checked)")];
  return new Set(off.map(({ value }) => (value === "clients" ? value : Number(value))));
}

/// The numbers of the messages that contain a text or carry a value, or null if none is asked for; and a sentence about them.
export async function searchBodies(address, text, value) {
  const asked = [["text", text, "contain the text"], ["carried", value, "carry the value"]].filter(([, wanted]) => wanted !== "");
  let [numbers, sentence] = [null, ""];
  for (const [name, wanted, verb] of asked) {
    const answer = await fetch(`/detail/${address}?${name}=${encodeURIComponent(wanted)}`);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const found = await answer.json();
    const those = new Set(found.messages);
    numbers = numbers ? new Set([...numbers].filter((number) => those.has(number))) : those;
    sentence += `${found.has_more ? "The first " : ""}${found.messages.length} messages ${verb}. `;
  }
  return { numbers, sentence };
}
