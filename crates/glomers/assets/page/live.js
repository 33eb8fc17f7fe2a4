// A run that is going on: reads it again when it has grown, and loads the page with the verdict when it has ended.

/// Between two readings, in milliseconds: the journal is read from its start each time.
const REST = 2000;

export function follow(address, grown) {
  const source = new EventSource(`/live/${address}`);
  let [isReading, isStale] = [false, false];
  source.addEventListener("grown", async () => {
    isStale = true;
    if (isReading) return;
    isReading = true;
    while (isStale) {
      isStale = false;
      await grown();
      await new Promise((resolve) => setTimeout(resolve, REST));
    }
    isReading = false;
  });
  source.addEventListener("ended", () => {
    source.close();
    location.reload();
  });
}
