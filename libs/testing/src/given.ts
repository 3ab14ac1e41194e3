import { expect } from '@jest/globals';

/** Some of what a value holds, at any depth; a list has all its elements. */
type Part<T> = T extends (infer E)[] ? Part<E>[] : T extends object ? { [K in keyof T]?: Part<T[K]> } : T;

/**
 * Puts a decider's test into one sentence:
 * `given(order).when((order) => decide(order, cancel)).then({ event: 'imaging.order.cancelled.v1' })`.
 */
export function given<State>(state: State) {
  return {
    when<Decision>(decide: (state: State) => Decision) {
      const attempt = (): { decision: Decision } | { failure: unknown } => {
        const before = structuredClone(state);
        try {
          return { decision: decide(state) };
        } catch (failure) {
          return { failure };
        } finally {
          // A decider says what is to be, it does not change what is.
          expect(state).toEqual(before);
        }
      };
      return {
        /** The decision holds at least this. */
        then(expected: Part<Decision>): void {
          const outcome = attempt();
          if ('failure' in outcome) throw outcome.failure;
          expect(outcome.decision).toMatchObject(expected as Record<string, unknown>);
        },
        /** The decision is exactly this. */
        thenExactly(expected: Decision): void {
          const outcome = attempt();
          if ('failure' in outcome) throw outcome.failure;
          expect(outcome.decision).toEqual(expected);
        },
        /** It is refused by this failure code. */
        thenFails(code: string): void {
          const outcome = attempt();
          expect(outcome).toEqual({ failure: expect.objectContaining({ code }) });
        },
      };
    },
  };
}
