import { describe, expect, it } from '@jest/globals';
import { site as aSite } from '#testing';
import { stationsToRead, unitsThatMayTake, whereOpen, withBackups } from './worklist-views.decider.js';

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

describe('a step for the bedside', () => {
  const unit = (aeTitle: string, capabilities: string[] = []) => ({
    ...ct(aeTitle),
    modalities: ['DX'],
    portable: true,
    capabilities,
  });
  const ward = aSite({
    procedures: [
      { code: 'XR', display: 'X-ray', modality: 'DX', durationMinutes: 5 },
      { code: 'XRGRID', display: 'X-ray with grid', modality: 'DX', durationMinutes: 5, needs: ['grid'] },
    ],
    stations: [{ ...ct('ROOM'), modalities: ['DX'] }, unit('M1', ['grid']), unit('M2'), unit('M3', ['grid'])],
  });
  const step = (code = 'XR', transport = 'PORT', station = 'M1') => ({
    attributes: {
      PatientTransportArrangements: transport,
      RequestedProcedureCodeSequence: [{ CodeValue: code }],
      ScheduledProcedureStepSequence: [{ Modality: 'DX', ScheduledStationAETitle: station }],
    },
  });
  const shownAt = (asked: string[], closed: string[] = [], one = step()) =>
    whereOpen(one, (aeTitle) => closed.includes(aeTitle), ward, asked)?.attributes.ScheduledProcedureStepSequence[0]!
      .ScheduledStationAETitle;

  it('may be taken by every portable unit that has what it needs, and by no room', () => {
    expect(unitsThatMayTake(step(), ward)).toEqual(['M2', 'M3']);
    expect(unitsThatMayTake(step('XRGRID'), ward)).toEqual(['M3']);
    expect(unitsThatMayTake(step('XR', 'WALK'), ward)).toEqual([]);
    expect(unitsThatMayTake(step('XR', 'PORT', 'ROOM'), ward)).toEqual([]);
    expect(stationsToRead(['M2'], ward)).toEqual(['M2', 'M1', 'M3']);
    expect(stationsToRead(['ROOM'], ward)).toEqual(['ROOM']);
  });

  it('is its own of whichever asks, unless that is closed', () => {
    expect([shownAt(['M1']), shownAt(['M2']), shownAt(['M1', 'M2']), shownAt([])]).toEqual(['M1', 'M2', 'M1', 'M1']);
    expect(shownAt(['M2'], ['M2'])).toBe('M1');
    expect(shownAt(['M3'], ['M1'])).toBe('M3');
    expect(shownAt([], ['M1'])).toBe('M2');
    expect(shownAt(['M1'], ['M1', 'M2', 'M3'])).toBeUndefined();
  });
});
