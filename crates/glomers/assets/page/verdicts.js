// What the views by checker show, from the history and the results. Entries are `[index, time, process, type, function, value, error]`, with
// the value as JSON, which is missing where it is too long.

/// The first verdict of linearizability with an order, wherever in the results it stands, and its key.
export function firstOrder(results, key = null) {
  if (results === null || typeof results !== "object" || Array.isArray(results)) return null;
  if (Array.isArray(results.configs) && results.op && "prefix-count" in results) return { key, verdict: results };
  for (const [name, part] of Object.entries(results)) {
    const found = firstOrder(part, name === "linearizable" || name === "workload" || name === "results" ? key : name);
    if (found) return found;
  }
  return null;
}

/// For each key and offset: the values that it is said to hold, with the operations that sent and polled them.
export function logsOf(entries) {
  const keys = new Map();
  let unread = 0;
  const note = (key, offset, value, index, list) => {
    if (!keys.has(key)) keys.set(key, new Map());
    const offsets = keys.get(key);
    if (!offsets.has(offset)) offsets.set(offset, new Map());
    const values = offsets.get(offset);
    const text = JSON.stringify(value);
    if (!values.has(text)) values.set(text, { sent: [], polled: [] });
    values.get(text)[list].push(index);
  };
  for (const [index, , process, type, , value] of entries) {
    if (type !== "ok" || process === null) continue;
    if (value === undefined) unread++;
    if (!Array.isArray(value)) continue;
    for (const step of value) {
      if (!Array.isArray(step)) continue;
      const [name, key, argument] = step;
      if (name === "send" && Array.isArray(argument)) note(String(key), argument[0], argument[1], index, "sent");
      const polled = name === "poll" && key && typeof key === "object" ? Object.entries(key) : [];
      for (const [of, pairs] of polled) for (const [offset, message] of pairs) note(of, offset, message, index, "polled");
    }
  }
  return { keys, unread };
}

/// The life of each element of a set. A read lacks an element if it began after the element was acknowledged or seen; `lost` counts those
/// that began after the last read that has it.
export function elementsOf(entries) {
  const lives = new Map();
  const life = (value) => {
    const text = JSON.stringify(value);
    if (!lives.has(text)) lives.set(text, { value: text, added: null, acknowledged: null, first: null, last: null, reads: 0, missing: 0, lost: 0 });
    return lives.get(text);
  };
  const begun = new Map();
  const reads = [];
  let unread = 0;
  for (const [index, time, process, type, f, value] of entries) {
    if (process === null) continue;
    const isAdd = f === "broadcast" || f === "add";
    if (type === "invoke") begun.set(process, { index, time });
    if (isAdd && type === "invoke" && value !== undefined) life(value).added = { index, time };
    if (isAdd && type === "ok" && value !== undefined) life(value).acknowledged = { index, time };
    if (f !== "read" || type !== "ok") continue;
    if (!Array.isArray(value)) {
      unread++;
      continue;
    }
    const seen = new Set(value.map((element) => JSON.stringify(element)));
    reads.push({ begin: begun.get(process) ?? { index, time }, seen });
    for (const element of value) {
      const of = life(element);
      of.first ??= { index, time };
      of.last = { index, time };
      of.reads++;
    }
  }
  for (const of of lives.values()) {
    const known = Math.min(of.acknowledged?.index ?? Infinity, of.first?.index ?? Infinity);
    const since = (index) => reads.filter(({ begin, seen }) => begin.index > index && !seen.has(of.value)).length;
    [of.missing, of.lost] = [since(known), since(Math.max(known, of.last?.index ?? -1))];
  }
  return { elements: [...lives.values()].sort((left, right) => right.lost - left.lost || right.missing - left.missing), unread };
}
