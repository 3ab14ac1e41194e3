/**
 * Waits for a condition instead of for a time: polls until it gives something truthy, and gives that.
 *
 * A condition that throws counts as not yet; its last error is the cause of the failure.
 *
 * @param within milliseconds, 10 000 unless given
 * @param every milliseconds between polls, 25 unless given
 * @throws Error saying what was waited for, and how long
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { within = 10_000, every = 25, what }: { within?: number; every?: number; what: string },
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = Date.now() + within;
  for (;;) {
    let cause: unknown;
    try {
      const found = await condition();
      if (found) return found as Exclude<T, false | null | undefined>;
    } catch (error) {
      cause = error;
    }
    if (Date.now() >= deadline) throw new Error(`Waited ${within} ms for ${what}, in vain`, { cause });
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
