/** Sleeps, or wakes at once when the signal aborts. Never rejects. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener('abort', done);
  });
}

/** Waits for the work, but no longer than that; says whether it ended in time. A rejection counts as an end. */
export async function within(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  const timer = new AbortController();
  const ended = await Promise.race([
    work.then(
      () => true,
      () => true,
    ),
    pause(milliseconds, timer.signal).then(() => false),
  ]);
  timer.abort();
  return ended;
}
