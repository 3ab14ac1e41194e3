import { describe, expect, it } from '@jest/globals';
import { fail } from '#platform';
import { site as aSite } from '#testing';
import {
  areSameInstances,
  decideCommitment,
  decideFailedCommitment,
  instancesToCommit,
  isLastLook,
} from './storage-commitment.decider.js';

const site = aSite({
  pacs: {
    name: 'pacs',
    qidoUrl: 'http://pacs',
    lookup: { firstAfterSeconds: 0, everySeconds: 10, giveUpAfterSeconds: 60 },
  },
});
const since = new Date('2024-03-05T09:00:00Z');
const after = (seconds: number) => new Date(since.getTime() + seconds * 1000);
const reference = (sopInstanceUid: string) => ({ sopClassUid: 'CT', sopInstanceUid });
const asked = { transactionUid: '2.25.7', instances: [reference('1'), reference('2')], since, attempts: 3 };
const decide = (classes: Record<string, string>, seconds: number) =>
  decideCommitment(asked, new Map(Object.entries(classes)), site, after(seconds));

describe('the instances of a study that the PACS is asked to keep', () => {
  it('are those of a known class', () => {
    const instance = (uid: string, code?: string) => ({ uid, sopClass: code ? { code } : { display: 'unknown' } });
    const series = [instance('1', 'urn:oid:1.9'), instance('2')];
    const study = { resourceType: 'ImagingStudy', status: 'available', subject: {} } as const;
    expect(instancesToCommit({ ...study, series: [{ uid: 's', modality: {}, instance: series }] })).toEqual([
      { sopClassUid: '1.9', sopInstanceUid: '1' },
    ]);
    expect(instancesToCommit(study)).toEqual([]);
  });
});

describe('a question whether images are safely stored', () => {
  it('is answered when all are there, whether the PACS says of which class or not', () => {
    expect(decide({ 1: 'CT', 2: '', 3: 'CT' }, 1)).toEqual({
      result: { transactionUid: '2.25.7', committed: asked.instances, failed: [] },
    });
  });

  it('waits while one is not there, and is answered with what failed when the time is up', () => {
    expect(decide({ 2: 'CT' }, 59)).toEqual({ next: after(69) });
    expect(decide({ 2: 'CT' }, 60)).toEqual({
      result: {
        transactionUid: '2.25.7',
        committed: [reference('2')],
        failed: [{ ...reference('1'), reason: 0x0112 }],
      },
    });
  });

  it('fails at once where an instance is there as another class', () => {
    expect(decide({ 1: 'MR', 2: 'CT' }, 1)).toMatchObject({
      result: { failed: [{ ...reference('1'), reason: 0x0119 }] },
    });
  });

  it('waits for a PACS that gives no answer, and is then told that nothing is sure', () => {
    const away = fail('peer-unavailable', 'away');
    expect(decideFailedCommitment(asked, away, 800, site, after(1))).toEqual({ next: after(1.8) });
    expect(decideFailedCommitment(asked, fail('peer-refused', 'no'), 800, site, after(1))).toEqual({ next: after(11) });
    expect(decideFailedCommitment(asked, away, 800, site, after(60))).toMatchObject({
      result: { committed: [], failed: [{ reason: 0x0110 }, { reason: 0x0110 }] },
    });
    expect([59, 60].map((seconds) => isLastLook(asked, site, after(seconds)))).toEqual([false, true]);
  });

  it('is the same question in another order, and another with other instances or classes', () => {
    const [one, two] = asked.instances as [ReturnType<typeof reference>, ReturnType<typeof reference>];
    expect(areSameInstances([one, two], [two, one, one])).toBe(true);
    expect(areSameInstances([one, two], [one])).toBe(false);
    expect(areSameInstances([one], [{ ...one, sopClassUid: 'MR' }])).toBe(false);
  });
});
