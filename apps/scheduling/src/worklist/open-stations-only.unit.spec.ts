import { describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { site as aSite } from '#testing';
import { OpenStationsOnly } from './open-stations-only.js';
import type { StationClosures } from '../department/station-closures.store.js';
import type { StepStatus } from './worklist-item.js';

const item = (aeTitle: string, status: StepStatus = 'SCHEDULED') => ({
  status,
  attributes: { ScheduledProcedureStepSequence: [{ ScheduledStationAETitle: aeTitle }] },
});

describe('the gate in front of an answer of many pages', () => {
  it('asks once about each station, and lets through what is open or has begun', async () => {
    const asked: string[][] = [];
    const closedNow = async (_manager: unknown, aeTitles: string[]) => {
      asked.push(aeTitles);
      return aeTitles.filter((one) => one === 'CT02').map((aeTitle) => ({ aeTitle }));
    };
    const gate = new OpenStationsOnly({ closedNow } as unknown as StationClosures, {} as DataSource, aSite());
    const openOnly = gate.forOneAnswer();
    const [open, closed, begun] = [item('CT01'), item('CT02'), item('CT02', 'STARTED')];
    expect(await openOnly([open, closed, begun])).toEqual([open, begun]);
    expect(await openOnly([closed, open])).toEqual([open]);
    expect(await openOnly([closed, item('MR01')])).toEqual([item('MR01')]);
    expect(asked).toEqual([['CT01', 'CT02'], ['MR01']]);
    await gate.of([closed]);
    expect(asked).toHaveLength(3);
  });
});
