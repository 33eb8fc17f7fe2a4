// Opens a page in Chromium, waits until an expression holds, and prints what another one gives, as JSON with what the console said.
// Usage: node --experimental-websocket drive.mjs '{"url", "until", "then", "width", "dark", "script", "screenshot", "profile"}'

import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const wanted = JSON.parse(process.argv[2]);
const { url, until = "true", then = "null", width = 1280, height = 900, dark = false, profile } = wanted;
const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"];
const browser = spawn("chromium", flags, { stdio: ["ignore", "ignore", "pipe"] });
const deadline = setTimeout(() => fail("the page took more than 60 s"), 60_000);

function fail(reason) {
  console.error(reason);
  browser.kill("SIGKILL");
  process.exit(1);
}

const endpoint = await new Promise((resolve) => {
  let said = "";
  browser.stderr.on("data", (bytes) => {
    said += bytes;
    const found = said.match(/ws:\/\/\S+/);
    if (found) resolve(found[0]);
  });
  browser.on("exit", () => fail(`chromium ended: ${said}`));
});
const socket = new WebSocket(endpoint);
await new Promise((resolve) => socket.addEventListener("open", resolve));
const answers = new Map();
const complaints = [];
let [number, session] = [0, undefined];
socket.addEventListener("message", ({ data }) => {
  const { id, result, error, method, params } = JSON.parse(data);
  if (method === "Runtime.exceptionThrown") complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
  if (method === "Log.entryAdded" && params.entry.level === "error" && !params.entry.url?.endsWith("/favicon.ico")) complaints.push(`${params.entry.text} ${params.entry.url ?? ""}`);
  const answer = answers.get(id);
  if (answer) error ? fail(`${error.message}`) : answer(result);
});
const call = (method, params = {}) =>
  new Promise((resolve) => {
    answers.set(++number, resolve);
    socket.send(JSON.stringify({ id: number, method, params, sessionId: session }));
  });
const evaluate = async (expression) => {
  const { result, exceptionDetails } = await call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) fail(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
};

const { targetId } = await call("Target.createTarget", { url: "about:blank" });
session = (await call("Target.attachToTarget", { targetId, flatten: true })).sessionId;
for (const domain of ["Page", "Runtime", "Log"]) await call(`${domain}.enable`);
await call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
await call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
await call("Page.navigate", { url });
const holds = `document.readyState === "complete" && location.href !== "about:blank" && Boolean(${until})`;
while (!(await evaluate(holds).catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 50));
if (wanted.script) await evaluate(readFileSync(wanted.script, "utf8"));
const value = await evaluate(then);
if (wanted.screenshot) {
  const { data } = await call("Page.captureScreenshot", { captureBeyondViewport: true });
  writeFileSync(wanted.screenshot, Buffer.from(data, "base64"));
}
clearTimeout(deadline);
browser.removeAllListeners("exit");
browser.kill("SIGKILL");
browser.on("exit", () => {
  console.log(JSON.stringify({ value, complaints }));
  process.exit(0);
});
