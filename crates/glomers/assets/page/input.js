// Pointer, wheel and keys on the panes.

import { LEFT } from "./lanes.js";

/// `viewOf()` is the time axis, `actions` what each key does, and `click(name, x, y)` is called for a click on a pane.
export function listen(root, canvases, viewOf, actions, click) {
  const pointers = new Map();
  let brush = null;
  let moved = 0;
  for (const [name, canvas] of Object.entries(canvases)) {
    const share = (event) => Math.max(0, (event.offsetX - LEFT) / (canvas.clientWidth - LEFT));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) viewOf().pan(event.deltaX / canvas.clientWidth);
      else viewOf().zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 150), share(event));
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
      if (other !== undefined) viewOf().zoom(Math.max(10, Math.abs(before - other)) / Math.max(10, Math.abs(event.offsetX - other)), share(event));
      else if (brush === null && moved > 3) viewOf().pan((before - event.offsetX) / (canvas.clientWidth - LEFT));
    });
    const finish = (event) => {
      if (!pointers.delete(event.pointerId) || event.type === "pointercancel") return;
      if (brush !== null && moved > 5) {
        const [from, to] = [brush, share(event)].sort((left, right) => left - right).map((share) => viewOf().from + share * (viewOf().to - viewOf().from));
        viewOf().show(from, to);
      } else if (moved <= 3) {
        click(name, event.offsetX, event.offsetY);
      }
      brush = null;
    };
    canvas.addEventListener("pointerup", finish);
    canvas.addEventListener("pointercancel", finish);
  }
  root.querySelector("[data-part=panes]").addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
  for (const button of root.querySelectorAll("[data-key]")) button.addEventListener("click", () => actions[button.dataset.key]());
}
