# Threads that race for a lock and a queue, with sleeps, random numbers and hashes.
import asyncio, os, queue, random, select, sys, threading, time

start = time.monotonic()
time.sleep(5)
print("slept", time.monotonic() - start)
threading.Event().wait(2.5)
select.select([], [], [], 1.25)
print("waited", time.monotonic() - start)

order, lock, items = [], threading.Lock(), queue.Queue()

def work(name):
    for i in range(20):
        with lock:
            order.append(name)
        if random.random() < 0.3:
            time.sleep(random.random() / 1000)
        items.put(name)
        try:
            order.append(-items.get(timeout=0.0005))
        except queue.Empty:
            order.append(99)

threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(order)
print(hash("abc"), os.urandom(4).hex(), os.getpid(), {"a", "b", "c", "d"})

async def chain(name):
    for i in range(3):
        await asyncio.sleep(random.random())
        print(name, i, end=" ")

async def chains():
    await asyncio.gather(*(chain(name) for name in "uvwxyz"))

asyncio.run(chains())
print()
for line in sys.stdin:
    print("got", line, end="")
