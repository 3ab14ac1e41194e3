import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AdverseEvent } from 'fhir/r4.js';
import { AContrastService } from '../a-contrast-service.spec.js';
import { AnExamWithContrast, inError, policyFile } from '../after-contrast.spec.js';
import type { ContrastStatistics } from './contrast-statistics.js';

let service: AContrastService;
beforeAll(async () => (service = await AContrastService.start(policyFile())), 60_000);
afterAll(() => service?.stop());

const dayFromNow = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
const statistics = (from = dayFromNow(-1), to = dayFromNow(2)) =>
  service.get<ContrastStatistics>(`/statistics/contrast?from=${from}&to=${to}`);
const date = () => new Date().toISOString();

async function discard(lotNumber: string) {
  const post = (path: string, body: object) =>
    fetch(`${service.url}/supplies/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const what = { gtin: '09521234000013', lotNumber, expiresOn: '2099-12-31', room: 'CT room 1' };
  const number = (value: string) => ({ identifier: { system: 'urn:test:pharmacy', value: `${lotNumber} ${value}` } });
  expect((await post('receipts', { ...number('in'), ...what, containers: 2 })).status).toBe(201);
  const { gtin, room } = what;
  expect(
    (await post('discards', { ...number('out'), gtin, lotNumber, room, containers: 1, reason: 'damaged' })).status,
  ).toBe(201);
}

describe('Statistics of contrast', () => {
  it('count what was given, what was reacted to and what was thrown away, and nothing that never was', async () => {
    const reacts = await AnExamWithContrast.given(service, 'STAT1');
    const tolerates = await AnExamWithContrast.given(service, 'STAT2');
    const mistaken = await AnExamWithContrast.given(service, 'STAT3');
    const never = await AnExamWithContrast.given(service, 'STAT4');
    expect((await reacts.react('severe', { date: date() })).status).toBe(201);
    const body = (await mistaken.react('mild', { date: date() })).body as AdverseEvent;
    const wrong = { ...body, modifierExtension: inError };
    expect((await service.send('PUT', `AdverseEvent/${body.id}`, wrong, { 'if-match': 'W/"1"' })).status).toBe(200);
    const { administration } = never;
    const taken = { ...administration, status: 'entered-in-error' };
    expect(
      (
        await service.send('PUT', `MedicationAdministration/${administration.id}`, taken, {
          'if-match': `W/"${administration.meta!.versionId}"`,
        })
      ).status,
    ).toBe(200);
    // Which administration it was to nobody says, but it is the only one of the order.
    const basedOn = {
      url: 'http://hl7.org/fhir/StructureDefinition/event-basedOn',
      valueReference: { reference: `ServiceRequest/${tolerates.order.id}` },
    };
    const ofOrder = tolerates.reaction('mild', { date: date(), suspectEntity: [] });
    const extension = [...ofOrder.extension!, basedOn];
    expect(
      (await service.send('POST', 'AdverseEvent', { ...ofOrder, suspectEntity: undefined, extension })).status,
    ).toBe(201);
    await discard('WASTED1');

    const found = await statistics();
    const [ofAgent] = found.byAgent.filter(({ agent }) => agent === 'iopromide');
    expect(ofAgent).toMatchObject({
      administrations: 3,
      dose: { exams: 3, total: 234, median: 78 },
      reactions: { count: 2, of: 3 },
      bySeverity: { mild: 1, moderate: 0, severe: 1 },
      extravasations: { count: 0, of: 3 },
    });
    expect(found.byProcedure).toMatchObject([
      { procedure: 'CT chest with contrast', agent: 'iopromide', dose: { exams: 3 } },
    ]);
    expect(found.waste).toEqual([{ agent: 'iopromide', room: 'CT room 1', reason: 'damaged', volumeMl: 100 }]);
    expect(found.unattributed).toEqual([]);
    expect(JSON.stringify(found)).not.toContain('STAT');
  });

  it('are of the time that is asked for', async () => {
    expect(await statistics('2020-01-01', '2020-12-31')).toMatchObject({
      byAgent: [],
      byLot: [],
      waste: [],
      unattributed: [],
    });
  });

  it.each([
    ['', 'from'],
    ['?from=2026-01-01', 'to'],
    ['?from=2026-01-01&to=tomorrow', 'to'],
    ['?from=2026-02-30&to=2026-03-01', 'from'],
    ['?from=2026-01-02&to=2026-01-01', 'to'],
    ['?from=2020-01-01&to=2026-01-01', 'to'],
  ])('refuse %s', async (query, field) => {
    const response = await fetch(`${service.url}/statistics/contrast${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ field });
  });
});
