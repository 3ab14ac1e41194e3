import { describe, expect, it } from '@jest/globals';
import { Liveness, Readiness } from './index.js';

describe('Readiness', () => {
  it('names the checks that fail, and those that never answer', async () => {
    const readiness = new Readiness();
    readiness.add('database', async () => undefined);
    readiness.add('broker', () => Promise.reject(new Error('away')));
    readiness.add('partitions', () => {
      throw new Error('lost');
    });
    readiness.add('pacs', () => new Promise(() => undefined));
    expect(await readiness.failing()).toEqual(['broker', 'partitions', 'pacs']);
  });
});

describe('Liveness', () => {
  it('fails only once somebody says that a restart is needed', () => {
    const liveness = new Liveness();
    expect(liveness.failure).toBeUndefined();
    liveness.fail('the consumer is stuck');
    expect(liveness.failure).toBe('the consumer is stuck');
  });
});
