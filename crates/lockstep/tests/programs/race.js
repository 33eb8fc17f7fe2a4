// Chains of random timers, work in the thread pool, and random numbers.
const start = performance.now();
const order = [];
let running = 20;

function chain(name, left) {
  if (left === 0) {
    if (--running === 0) console.log(order.join(' '));
    return;
  }
  setTimeout(() => { order.push(name); chain(name, left - 1); }, Math.random() * 50);
}

setTimeout(() => console.log('waited', Math.floor(performance.now() - start)), 5000);
for (let name = 0; name < running; name++) chain(name, 10);
for (let i = 0; i < 8; i++) {
  require('fs').readFile(__filename, () => order.push(`f${i}`));
  require('crypto').randomBytes(4, (error, bytes) => order.push(bytes.toString('hex')));
}
process.stdin.on('data', data => console.log('got', String(data).trim()));
