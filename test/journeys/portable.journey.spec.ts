import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Bundle, FhirResource, Procedure } from 'fhir/r4.js';
import { anAdtMessage, anOrmMessage, site, until } from '#testing';
import { acknowledgedAs, type Department } from '../department.js';
import { journey } from '../journey.js';
import type { WorklistLine } from '../sandbox/scanner.js';

/** domain.md, journey 3: the unit comes to the bed. What it has is where the patient is, not a room of its own. */
journey('an X-ray at the bedside', (start) => {
  let department: Department;
  beforeAll(async () => {
    const [ct, dx] = site().stations;
    const unit = (aeTitle: string) => ({ ...dx!, aeTitle, name: aeTitle, room: 'X-ray store', portable: true });
    department = await start(['orders', 'scheduling', 'contrast', 'results'], {
      site: { stations: [ct!, dx!, unit('DXM1'), unit('DXM2')] },
    });
  }, 120_000);
  afterAll(() => department?.stop());

  /** A bedside order of an inpatient: OBR-12 danger code, OBR-30 how the patient is moved (they are not). */
  const order = (name: string, { bed = 'W3^12^1', priority = 'R' as 'S' | 'R', danger = '' } = {}) =>
    asSaid(
      anOrmMessage({ mrn: `BED${name}`, placerOrderNumber: `BED${name}`, procedure: 'XRCHEST2', priority }),
      { PV1: { 2: 'I', 3: `${bed}^SGH`, 19: `VISIT${name}` } },
      { OBR: { 12: danger, 30: 'PORT' } },
    );
  const place = async (message: Buffer) => expect(acknowledgedAs(await department.send(message))).toBe('AA');
  const unit = (aeTitle: string) => department.modality(aeTitle, 'DX');
  const bedsideKeys = { CurrentPatientLocation: '', PatientState: '', PatientTransportArrangements: '' };
  const lineAt = (aeTitle: string, name: string, isSo: (line: WorklistLine) => boolean = () => true) =>
    until(
      async () =>
        (await unit(aeTitle).queryWorklist(bedsideKeys)).find(
          (line) => line.placerOrderNumber === `BED${name}` && isSo(line),
        ),
      { what: `order ${name} as expected on the worklist of ${aeTitle}`, every: 100 },
    );
  const namesAt = async (aeTitle: string) =>
    (await unit(aeTitle).queryWorklist()).map(({ placerOrderNumber }) => placerOrderNumber);
  const at = (line: WorklistLine) => line.elements.CurrentPatientLocation;
  const stationOf = ({ elements }: WorklistLine) => {
    const sequence = elements.ScheduledProcedureStepSequence as Record<string, unknown>[] | Record<string, unknown>;
    return [sequence].flat()[0]!;
  };
  const isOf = (one: { identifier?: { value?: string }[] }, value: string) =>
    (one.identifier ?? []).some((some) => some.value === value);

  it('is on the worklist of the portable units, and of no room', async () => {
    await place(order('1', { danger: 'MRSA^Contact isolation^L' }));
    for (const aeTitle of ['DXM1', 'DXM2']) {
      const line = await lineAt(aeTitle, '1');
      expect(line.elements).toMatchObject({ PatientTransportArrangements: 'PORT', PatientState: 'Contact isolation' });
      expect(at(line)).toBe('W3 12 1');
      // As the unit's own: some modalities look at it again themselves.
      expect(stationOf(line).ScheduledStationAETitle).toBe(aeTitle);
    }
    expect(await namesAt('DX01')).toEqual([]);
    expect(await namesAt('CT01')).toEqual([]);
  });

  it('follows the patient to another bed', async () => {
    await place(
      anAdtMessage({ mrn: 'BED1', event: 'A02', patientClass: 'I', location: 'W5^7^2^SGH', visitNumber: 'VISIT1' }),
    );
    for (const aeTitle of ['DXM1', 'DXM2']) await lineAt(aeTitle, '1', (line) => at(line) === 'W5 7 2');
  });

  it('goes first where it is STAT', async () => {
    await place(order('2'));
    await lineAt('DXM2', '2');
    await place(order('3', { priority: 'S', bed: 'ICU^1^1' }));
    for (const aeTitle of ['DXM1', 'DXM2']) {
      const line = await lineAt(aeTitle, '3');
      expect(line.elements.RequestedProcedurePriority).toBe('STAT');
      expect((await namesAt(aeTitle))[0]).toBe('BED3');
    }
  });

  it('is taken by whichever unit begins it, and no other has it any more', async () => {
    const portable = unit('DXM2');
    const exam = await portable.start(await lineAt('DXM2', '1'));
    for (const aeTitle of ['DXM1', 'DXM2']) expect(await namesAt(aeTitle)).not.toContain('BED1');
    await portable.expose(exam);
    await portable.expose(exam);
    // Taken elsewhere meanwhile: the exam was where it began.
    await place(
      anAdtMessage({ mrn: 'BED1', event: 'A02', patientClass: 'I', location: 'W9^1^1^SGH', visitNumber: 'VISIT1' }),
    );
    await portable.complete(exam);

    const [order1] = await until(
      async () => {
        const found = (await department.inEmr('ServiceRequest')).filter((one) => isOf(one, 'BED1'));
        return found.some(({ status }) => status === 'completed') && found;
      },
      { what: 'the order done at the EMR', every: 200 },
    );
    const ofOrder = { basedOn: [{ reference: `ServiceRequest/${order1!.id}` }] };
    const told = (await department.inEmr('Procedure')).filter(
      ({ basedOn }) => basedOn?.[0]?.reference === ofOrder.basedOn[0]!.reference,
    );
    expect(told).toMatchObject([
      { status: 'completed', location: { display: 'W5 7 2' }, performer: [{ actor: { display: 'DXM2' } }, {}] },
    ]);
    const study = await until(
      async () =>
        (await department.inEmr('ImagingStudy')).find((one) => isOf(one, `urn:oid:${exam.line.studyInstanceUid}`)),
      { what: 'the study at the EMR', every: 200 },
    );
    expect(study).toMatchObject({ status: 'available', numberOfInstances: 2, ...ofOrder });
    expect((await servedBy('scheduling', 'Procedure')).map(({ location }) => location?.display)).toEqual(['W5 7 2']);
  });

  it('begun at two units at once is one exam too many, and loses neither', async () => {
    const [first, second] = [unit('DXM1'), unit('DXM2')];
    const lines = await Promise.all([lineAt('DXM1', '3'), lineAt('DXM2', '3')]);
    const exams = await Promise.all([first.start(lines[0]!), second.start(lines[1]!)]);
    await second.discontinue(exams[1]!, '110510', 'Duplicate order');
    await first.expose(exams[0]!);
    await first.complete(exams[0]!);
    const [order3] = await until(
      async () => {
        const found = (await department.inEmr('ServiceRequest')).filter((one) => isOf(one, 'BED3'));
        return found.some(({ status }) => status === 'completed') && found;
      },
      { what: 'the order done at the EMR', every: 200 },
    );
    const told = (await department.inEmr('Procedure')).filter(
      ({ basedOn }) => basedOn?.[0]?.reference === `ServiceRequest/${order3!.id}`,
    );
    expect(told.map(({ status }) => status).sort()).toEqual(['completed', 'stopped']);
    expect(await namesAt('DXM1')).toEqual(['BED2']);
  });

  it('has parked nothing', async () => {
    for (const service of Object.values(department.services))
      expect(await (await fetch(`${service.url}/parked`)).json()).toEqual({ parked: [] });
  });

  async function servedBy(service: 'scheduling', type: 'Procedure'): Promise<Procedure[]> {
    const found = (await (await fetch(`${department[service].url}/fhir/${type}`)).json()) as Bundle<FhirResource>;
    return (found.entry ?? []).map(({ resource }) => resource as Procedure);
  }
});

/** A message with other values in the fields of some segments. */
function asSaid(message: Buffer, ...changes: Record<string, Record<number, string>>[]): Buffer {
  const said: Record<string, Record<number, string>> = Object.assign({}, ...changes);
  const segments = message.toString().split('\r').filter(Boolean);
  const changed = segments.map((segment) => {
    const fields = segment.split('|');
    for (const [at, value] of Object.entries(said[fields[0]!] ?? {})) {
      while (fields.length <= Number(at)) fields.push('');
      fields[Number(at)] = value;
    }
    return fields.join('|');
  });
  return Buffer.from(changed.map((one) => `${one}\r`).join(''));
}
