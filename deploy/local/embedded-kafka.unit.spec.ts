import { expect, it } from '@jest/globals';
import { clusterIdFrom } from './embedded-kafka.mjs';

it('gives no cluster id that Kafka takes for an option, whatever the first byte is', () => {
  const ids = Array.from({ length: 256 }, (_, first) => clusterIdFrom(Buffer.alloc(16, first)));
  expect(ids.filter((id) => !/^[A-Za-z0-9][\w-]{21}$/.test(id))).toEqual([]);
});
