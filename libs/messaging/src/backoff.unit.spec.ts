import { describe, it, expect } from '@jest/globals';
import { backoffMs } from './backoff.js';

describe('the wait before the next attempt', () => {
  it('doubles from 200 ms', () => {
    expect([1, 2, 3].map((attempt) => backoffMs(attempt, 0.5))).toEqual([200, 400, 800]);
  });
  it('is spread by a fifth to both sides', () => {
    expect([backoffMs(1, 0), backoffMs(1, 1)]).toEqual([160, 240]);
  });
  it('never passes 30 s, however often it failed', () => {
    expect(backoffMs(10_000, 1)).toBe(30_000);
  });
});
