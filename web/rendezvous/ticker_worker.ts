// The dedicated worker behind patience.ts: timers that keep their pace while the page is hidden.
// In: {start: id, ms} or {stop: id}. Out: id, at each tick.
export {};

interface Command {
  start?: number;
  stop?: number;
  ms?: number;
}

const intervals = new Map<number, ReturnType<typeof setInterval>>();

self.onmessage = (event: MessageEvent<Command>) => {
  const { start, stop, ms } = event.data;
  if (start !== undefined)
    intervals.set(
      start,
      setInterval(() => self.postMessage(start), ms),
    );
  if (stop !== undefined) {
    clearInterval(intervals.get(stop));
    intervals.delete(stop);
  }
};
