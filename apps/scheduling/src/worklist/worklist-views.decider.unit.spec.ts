import { describe, expect, it } from '@jest/globals';
import { site as aSite } from '#testing';
import { stationsToRead, whereOpen, withBackups } from './worklist-views.decider.js';

const ct = (aeTitle: string, backup?: string) => ({
  aeTitle,
  name: `Scanner ${aeTitle} of the ward`,
  modalities: ['CT'],
  room: `Room ${aeTitle}`,
  ...(backup ? { backup } : {}),
});
const site = aSite({
  procedures: [{ code: 'CTHEAD', display: 'CT head', modality: 'CT', durationMinutes: 15 }],
  stations: [ct('A', 'B'), ct('B', 'C'), ct('C', 'A'), ct('D')],
  worklistViews: [{ aeTitle: 'VIEW', name: 'View', rooms: ['Room D'] }],
});
const at = (ScheduledStationAETitle: string) => ({
  attributes: {
    PatientID: '1',
    ScheduledProcedureStepSequence: [{ Modality: 'CT', ScheduledStationAETitle, ScheduledStationName: 'x' }],
  },
});

describe('the stations that stand in for one', () => {
  it('are those of its chain, each once, though the chain has no end', () => {
    expect(withBackups('A', site)).toEqual(['A', 'B', 'C']);
    expect(withBackups('D', site)).toEqual(['D']);
    expect(withBackups('GONE', site)).toEqual(['GONE']);
  });

  it('have its steps as their own, the first that is open', () => {
    const closed =
      (...aeTitles: string[]) =>
      (one: string) =>
        aeTitles.includes(one);
    const shown = whereOpen(at('A'), closed('A', 'B'), site)!;
    expect(shown.attributes).toEqual({
      PatientID: '1',
      ScheduledProcedureStepSequence: [
        {
          Modality: 'CT',
          ScheduledStationAETitle: 'C',
          ScheduledStationName: 'Scanner C of the',
          ScheduledProcedureStepLocation: 'Room C',
        },
      ],
    });
    const own = at('A');
    expect(whereOpen(own, closed('B'), site)).toBe(own);
    expect(whereOpen(own, closed('A', 'B', 'C'), site)).toBeUndefined();
    // A station that has left the site file is nobody's to close.
    expect(whereOpen(at('GONE'), closed(), site)).toEqual(at('GONE'));
  });

  it('are read with those they may stand in for', () => {
    expect(stationsToRead(['D'], site)).toEqual(['D']);
    expect(stationsToRead(['B'], site)).toEqual(['B', 'A', 'C']);
    expect(stationsToRead(['VIEW'], site)).toEqual(['D']);
    expect(stationsToRead(['GONE'], site)).toEqual(['GONE']);
  });
});
