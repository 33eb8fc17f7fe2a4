// A list of any length: only the lines in view are elements. Lines are text nodes, never markup.

import { plain } from "./data.js";

const LINE = 20;
/// Elements can't be higher than some 30 million pixels. Beyond this a search finds the rest.
export const MAX_LINES = 1_500_000;

/// Lines of a list, each an entry of `items`. `text(item)` is what it shows, and `choose(item)` is called when one is chosen.
export class List {
  constructor(element, text, choose) {
    Object.assign(this, { element, text, choose, items: [], selected: -1 });
    this.sizer = Object.assign(document.createElement("div"), { className: "sizer" });
    this.sizer.setAttribute("role", "presentation");
    element.append(this.sizer);
    element.addEventListener("scroll", () => this.draw());
    element.addEventListener("click", (event) => {
      const line = event.target.closest(".line");
      if (line) this.select(Number(line.dataset.at), true);
    });
    element.addEventListener("keydown", (event) => this.press(event));
  }

  show(items) {
    this.items = items.length > MAX_LINES ? items.slice(0, MAX_LINES) : items;
    this.selected = -1;
    this.sizer.style.height = `${this.items.length * LINE}px`;
    this.element.scrollTop = 0;
    this.draw();
  }

  press(event) {
    const page = Math.floor(this.element.clientHeight / LINE);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.items.length, End: this.items.length };
    if (!(event.key in steps) || this.items.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.select(Math.min(Math.max(this.selected + steps[event.key], 0), this.items.length - 1), true);
  }

  /// Marks a line and brings it into view. `isChosen` tells whether a person did it.
  select(at, isChosen = false) {
    this.selected = at;
    const { scrollTop, clientHeight } = this.element;
    if (at >= 0 && (at * LINE < scrollTop || (at + 1) * LINE > scrollTop + clientHeight)) {
      this.element.scrollTop = isChosen ? (at * LINE < scrollTop ? at * LINE : (at + 1) * LINE - clientHeight) : at * LINE - clientHeight / 2;
    }
    this.draw();
    if (isChosen && at >= 0) this.choose(this.items[at]);
  }

  draw() {
    const first = Math.max(0, Math.floor(this.element.scrollTop / LINE) - 5);
    const last = Math.min(this.items.length, first + Math.ceil(this.element.clientHeight / LINE) + 10);
    const lines = [];
    for (let at = first; at < last; at++) {
      const line = Object.assign(document.createElement("div"), { className: "line", textContent: plain(this.text(this.items[at])), id: `${this.element.dataset.part}-${at}` });
      line.dataset.at = at;
      line.style.top = `${at * LINE}px`;
      const attributes = { role: "option", "aria-selected": at === this.selected, "aria-setsize": this.items.length, "aria-posinset": at + 1 };
      for (const [name, value] of Object.entries(attributes)) line.setAttribute(name, value);
      lines.push(line);
    }
    this.element.replaceChildren(this.sizer, ...lines);
    if (this.selected >= first && this.selected < last) this.element.setAttribute("aria-activedescendant", `${this.element.dataset.part}-${this.selected}`);
    else this.element.removeAttribute("aria-activedescendant");
  }
}
