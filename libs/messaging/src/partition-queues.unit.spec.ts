import { describe, it, expect } from '@jest/globals';
import { PartitionQueues, type PlacedRecord } from './partition-queues.js';

const records = (partition: number, ...offsets: number[]): PlacedRecord[] =>
  offsets.map((offset) => ({ topic: 'imaging.order', partition, offset: String(offset) }));

describe('the queues of the assigned partitions', () => {
  it('keep the order of a partition that is held, while another goes on', async () => {
    const worked: string[] = [];
    let open!: () => void;
    const other = new Promise<void>((resolve) => (open = resolve));
    let refusals = 0;
    const queues = new PartitionQueues(
      async ({ partition, offset }) => {
        // Partition 0 is refused until partition 1 is done: it never would be, were they not independent.
        if (partition === 0 && !worked.includes('1/8')) return (refusals++, 1);
        worked.push(`${partition}/${offset}`);
        if (worked.includes('0/2')) open();
        return undefined;
      },
      () => undefined,
    );
    queues.push(records(0, 1, 2));
    queues.push(records(1, 7, 8));
    await other;
    expect(worked).toEqual(['1/7', '1/8', '0/1', '0/2']);
    expect(refusals).toBeGreaterThan(0);
    await queues.stop();
    expect(queues.takeDone()).toEqual([
      { topic: 'imaging.order', partition: 0, offset: '3' },
      { topic: 'imaging.order', partition: 1, offset: '9' },
    ]);
    expect(queues.takeDone()).toEqual([]);
  });

  it('forget what was not begun when partitions may have changed hands, and tell what was', async () => {
    const begun: string[] = [];
    let lostSeen = false;
    const queues = new PartitionQueues(
      async ({ offset }, _attempt, lost) => {
        begun.push(offset);
        await new Promise<void>((resolve) => lost.addEventListener('abort', () => resolve()));
        lostSeen = true;
        return undefined;
      },
      () => undefined,
    );
    queues.push(records(0, 1, 2));
    queues.reset();
    await queues.stop();
    expect(begun).toEqual(['1']);
    expect(lostSeen).toBe(true);
    expect(queues.takeDone()).toEqual([]);
  });

  it('ask for no more of a partition that is full, and for more once it is half empty', async () => {
    let half!: (left: number) => void;
    const drained = new Promise<number>((resolve) => (half = resolve));
    let worked = 0;
    const queues = new PartitionQueues(
      async () => void worked++,
      () => half(worked),
    );
    expect(queues.push(records(3, ...Array.from({ length: 499 }, (_, at) => at)))).toBe(true);
    expect(queues.push(records(3, 499))).toBe(false);
    expect(await drained).toBe(250);
    await queues.stop();
  });
});
