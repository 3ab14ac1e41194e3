import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import type { AdverseEvent, Bundle, FhirResource, MedicationAdministration, MedicationRequest, Task } from 'fhir/r4.js';
import { anAdministration, anOrmMessage, until } from '#testing';
import type { Department } from '../department.js';
import { journey } from '../journey.js';

/** domain.md, journey 5, behind the screening: contrast, its observation, a reaction, and every exam that comes after it. */
journey('a reaction to contrast', (start) => {
  let department: Department;
  beforeAll(async () => {
    const policy = parse(readFileSync('deploy/local/contrast-policy.yaml', 'utf8'));
    policy.signedOff = { by: 'Dr. Example', on: '2026-01-01' };
    for (const level of policy.escalation['reaction-severe'].levels) level.acknowledgeWithinMinutes = 1 / 60;
    const path = join(mkdtempSync(join(tmpdir(), 'collimator-policy-')), 'policy.yaml');
    writeFileSync(path, stringify(policy));
    department = await start(['orders', 'scheduling', 'contrast'], { env: { CONTRAST_POLICY_FILE: path } });
  }, 120_000);
  afterAll(() => department?.stop());

  const stamp = (daysAhead: number) =>
    new Date(Date.now() + daysAhead * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '') + '070000';
  const asked = (code: string) => `OBX|1|CWE|${code}||N^^HL70136||||||F|||${stamp(-1)}`;
  const place = (name: string, start?: string) =>
    department.send(
      anOrmMessage({
        mrn: 'REACTS',
        placerOrderNumber: name,
        procedure: 'CTCHESTC',
        ...(start ? { start } : {}),
        extra: [
          asked('KIDNEY^Kidney disease^99CONTRAST'),
          asked('METFORMIN^Takes metformin^99CONTRAST'),
          asked('REACTION^Reaction to contrast^99CONTRAST'),
          asked('82810-3^Pregnancy status^LN'),
        ],
      }),
    );
  const alerts = (name: string, text: string) =>
    until(
      async () => {
        const lines = await department.scanner().queryWorklist({ MedicalAlerts: '' });
        const line = lines.find(({ placerOrderNumber }) => placerOrderNumber === name);
        return JSON.stringify(line?.elements.MedicalAlerts ?? '').includes(text);
      },
      { what: `the worklist to say ${text} of ${name}`, within: 20_000, every: 100 },
    );
  const send = (method: 'POST' | 'PUT', path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${department.contrast.url}/fhir/${path}`, {
      method,
      headers: { 'content-type': 'application/fhir+json', ...headers },
      body: JSON.stringify(body),
    });
  const found = async <R extends FhirResource>(query: string): Promise<R[]> => {
    const { entry = [] } = (await (await fetch(`${department.contrast.url}/fhir/${query}`)).json()) as Bundle<R>;
    return entry.map(({ resource }) => resource!);
  };
  const task = (code: string, is: (one: Task) => boolean = () => true) =>
    until(async () => (await found<Task>(`Task?code=${code}`)).find(is), { what: `a Task ${code}`, within: 15_000 });
  const answer = (one: Task, status: Task['status'], display: string, note?: string) =>
    send(
      'PUT',
      `Task/${one.id}`,
      { ...one, status, owner: { display }, ...(note ? { note: [{ text: note }] } : {}) },
      { 'if-match': `W/"${one.meta!.versionId}"` },
    );

  let administration: MedicationAdministration;
  it('happens while the patient is watched after contrast', async () => {
    await place('NOW');
    await place('LATER', stamp(2));
    await alerts('LATER', 'CONTRAST: screened, proceed');
    const exam = await department.scanner().start(await department.onWorklist('NOW'));
    const plans = await found<MedicationRequest>('MedicationRequest?status=active');
    const order = (await found('ServiceRequest?identifier=NOW'))[0]!;
    const plan = plans.find(({ basedOn }) => basedOn![0]!.reference === `ServiceRequest/${order.id}`)!;
    const given = await send(
      'POST',
      'MedicationAdministration',
      anAdministration(plan, { effectiveDateTime: new Date().toISOString() }),
    );
    administration = (await given.json()) as MedicationAdministration;
    expect((await task('contrast-observation')).status).toBe('in-progress');
    await department.scanner().discontinue(exam, { code: '110503', meaning: 'Patient allergic to media/contrast' });
    await task('record-reaction');
  });

  it('is recorded, which answers the question of the modality, and asked about until somebody acknowledges', async () => {
    const reaction: AdverseEvent = {
      resourceType: 'AdverseEvent',
      identifier: { system: 'urn:test:reactions', value: 'JOURNEY' },
      actuality: 'actual',
      event: { coding: [{ system: 'urn:collimator:reaction-kind', code: 'allergic-like' }] },
      subject: administration.subject,
      date: new Date().toISOString(),
      severity: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adverse-event-severity', code: 'severe' }],
      },
      recorder: { display: 'Tara Technologist' },
      suspectEntity: [{ instance: { reference: `MedicationAdministration/${administration.id}` } }],
      extension: [{ url: 'urn:collimator:extension:manifestation', valueCodeableConcept: { text: 'bronchospasm' } }],
    };
    expect((await send('POST', 'AdverseEvent', reaction)).status).toBe(201);
    await task('record-reaction', ({ status }) => status === 'completed');
    const second = await task(
      'contrast-reaction',
      ({ restriction }) => restriction?.recipient?.[0]?.display === 'Radiologist on duty',
    );
    const late = await answer(second, 'accepted', 'Dr. Duty');
    // Whoever answers while the next one is being asked reads it again.
    if (late.status === 412)
      expect((await answer(await task('contrast-reaction'), 'accepted', 'Dr. Duty')).status).toBe(200);
    await task('contrast-reaction', ({ status }) => status === 'accepted');
  });

  it('stops the exam the patient has ahead, on the worklist of its scanner', async () => {
    await alerts('LATER', 'CONTRAST: STOP');
  });

  it('ends with the patient released by a person', async () => {
    const watching = await task('contrast-observation');
    expect((await answer(watching, 'completed', 'Nora Nurse', 'to the emergency department')).status).toBe(200);
  });
});
