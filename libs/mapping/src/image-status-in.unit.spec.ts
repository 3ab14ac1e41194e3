import { describe, expect, it } from '@jest/globals';
import { anOrmMessage, site as aSite } from '#testing';
import { parseMessage } from '#hl7v2';
import { imageStatusFromMessage } from './image-status-in.js';

const site = aSite();
const sender = { ...site.senders[0]!, sends: ['images' as const] };
const read = (parts: Parameters<typeof anOrmMessage>[0], by = sender) =>
  imageStatusFromMessage(parseMessage(anOrmMessage(parts)), by, site);
const status = { control: 'SC', placerOrderNumber: 'P1', accessionNumber: 'ACC1' };

describe('a status that says that there are images', () => {
  it.each(['CM', 'A'])('is ORC-5 %s, and names the order by each of its numbers', (orderStatus) => {
    expect(read({ ...status, orderStatus }).orders).toEqual([['ACC1', 'P1']]);
  });

  it.each(['SC', 'IP', 'CA', 'HD', ''])('is not ORC-5 %s', (orderStatus) => {
    expect(read({ ...status, orderStatus }).orders).toEqual([]);
  });

  it('is no order, and only of who may say it', () => {
    expect(() => read({ ...status, control: 'NW' })).toThrow('ORC-1 must be SC');
    expect(() => read({ ...status, orderStatus: 'CM' }, { ...sender, sends: ['orders' as never] })).toThrow('images');
  });
});
