import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  AdverseEvent,
  AllergyIntolerance,
  Appointment,
  Bundle,
  DetectedIssue,
  OperationOutcome,
  Patient,
  Procedure,
  Task,
} from 'fhir/r4.js';
import { contrastScreeningIdOf, uuidFrom } from '#fhir';
import { escalationOf } from '#tasks';
import { aMerge, anObservation, aPatient, until } from '#testing';
import { AContrastService } from '../a-contrast-service.spec.js';
import { AnExamWithContrast, aReaction, inError, ms, policyFile } from '../after-contrast.spec.js';
import { allergyIdOf } from './allergy.decider.js';

let service: AContrastService;
beforeAll(async () => {
  const policy = policyFile(({ escalation, reactions }) => {
    for (const name of ['reaction-severe', 'record-missing', 'follow-up-missing'])
      for (const level of escalation![name]!.levels) level.acknowledgeWithinMinutes = ms(700);
    reactions!.extravasation.followUpHours = [0.0001, 24];
    reactions!.extravasation.withinMinutes = ms(300);
  });
  service = await AContrastService.start(policy);
}, 60_000);
afterAll(() => service?.stop());

const isStatus = (status: Task['status']) => (task: Task) => task.status === status;
const isLevel = (level: number) => (task: Task) => escalationOf(task)?.level === level;
const allergyOf = (reaction: AdverseEvent) =>
  service.get<AllergyIntolerance>(`/fhir/AllergyIntolerance/${allergyIdOf(reaction.id!)}`);
const correct = (reaction: AdverseEvent, overrides: Partial<AdverseEvent>, version = reaction.meta!.versionId) =>
  service.send('PUT', `AdverseEvent/${reaction.id}`, { ...reaction, ...overrides }, { 'if-match': `W/"${version}"` });
const kind = (code: string) => ({ coding: [{ system: 'urn:collimator:reaction-kind', code }] });
const place = ({ status, body }: { status: number; body: never }) => [
  status,
  (body as OperationOutcome).issue[0]!.expression?.[0],
];

/** Answers to what the policy asks, so that nothing but the reaction decides. */
function wellKnown(patient: Patient) {
  const question = (code: string) =>
    anObservation('', {
      patient,
      id: uuidFrom('Observation', patient.id!, code),
      code: { coding: [{ system: 'urn:collimator:code-system:99CONTRAST', code }] },
      effectiveDateTime: new Date(Date.now() - 3_600_000).toISOString(),
      valueCodeableConcept: { coding: [{ code: 'N' }] },
    });
  return ['KIDNEY', 'METFORMIN', 'REACTION'].map(question);
}

describe('A reaction', () => {
  it('is recorded coded, told with the allergy it makes, and screens the next exam of the patient', async () => {
    const exam = await AnExamWithContrast.given(service, 'REACTS', { clinical: wellKnown });
    const next = AnExamWithContrast.order('NEXT', exam.patient);
    await service.tell('imaging.order.placed.v1', next, exam.patient);
    const start = new Date(Date.now() + 48 * 3_600_000).toISOString();
    const booked: Appointment = {
      resourceType: 'Appointment',
      id: 'next',
      status: 'booked',
      start,
      basedOn: [{ reference: `ServiceRequest/${next.id}` }],
      participant: [{ actor: { reference: `Patient/${exam.patient.id}` }, status: 'accepted' }],
    };
    await service.tell('imaging.schedule.booked.v1', booked, next, exam.patient);
    const outcome = async () => {
      const { code, extension = [] } = await service.get<DetectedIssue>(
        `/fhir/DetectedIssue/${contrastScreeningIdOf(next.id!)}`,
      );
      return extension.some(({ url }) => url.endsWith('screened-for')) && code!.coding![0]!.code;
    };
    await until(async () => (await outcome()) === 'proceed', { what: 'the next exam to be screened' });

    const { status, body } = await exam.react('moderate');
    expect(status).toBe(201);
    const reaction = body as AdverseEvent;
    const [hives, treatment] = reaction.extension!;
    expect(hives!.valueCodeableConcept).toEqual({
      text: 'Hives',
      coding: [{ system: 'http://snomed.info/sct', code: '126485001', display: 'Urticaria' }],
    });
    expect(treatment!.extension).toHaveLength(2);
    const allergy = await allergyOf(reaction);
    expect(allergy).toMatchObject({
      identifier: [{ system: 'urn:collimator:allergy-intolerance', value: allergy.id }],
      criticality: 'unable-to-assess',
      type: 'allergy',
      code: { text: 'iopromide' },
      reaction: [{ severity: 'moderate', onset: reaction.date, manifestation: [hives!.valueCodeableConcept] }],
    });
    const [told] = await exam.told('imaging.contrast.reaction-recorded.v1');
    expect(told!.map(({ resourceType }) => resourceType)).toEqual([
      'AdverseEvent',
      'Patient',
      'AllergyIntolerance',
      'MedicationAdministration',
      'ServiceRequest',
    ]);
    // The same agent is planned again: the policy wants a decision.
    await until(async () => (await outcome()) === 'needs-decision', { what: 'the next exam to need a decision' });

    expect((await correct(reaction, { modifierExtension: inError })).status).toBe(200);
    await until(async () => (await outcome()) === 'proceed', { what: 'the next exam to proceed again' });
    expect(await allergyOf(reaction)).toMatchObject({ verificationStatus: { coding: [{ code: 'entered-in-error' }] } });
    expect((await allergyOf(reaction)).clinicalStatus).toBeUndefined();
    await exam.task('contrast-reaction', isStatus('cancelled'));
  });

  it('is one, however often it is sent, and corrected only from its newest version', async () => {
    const exam = await AnExamWithContrast.given(service, 'TWICE');
    const answers = await Promise.all([exam.react(), exam.react(), exam.react()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
    expect(await exam.told('imaging.contrast.reaction-recorded.v1')).toHaveLength(1);
    expect((await exam.react('mild')).status).toBe(409);
    const reaction = answers[0]!.body as AdverseEvent;
    expect((await service.send('PUT', `AdverseEvent/${reaction.id}`, reaction)).status).toBe(412);
    const outcome = { coding: [{ code: 'recovered' }] };
    expect((await correct(reaction, { outcome })).status).toBe(200);
    expect((await correct(reaction, { outcome }, '1')).status).toBe(412);
    expect(
      place(await correct(reaction, { identifier: { system: 'urn:test:reactions', value: 'ANOTHER' } }, '2')),
    ).toEqual([400, 'AdverseEvent.identifier']);
    const audits = await service.sql('SELECT 1 FROM audit_event WHERE body::text LIKE $1', [
      `%AdverseEvent/${reaction.id}%`,
    ]);
    expect(audits.length).toBeGreaterThanOrEqual(4);
  });

  it('is escalated by its severity until somebody acknowledges', async () => {
    const exam = await AnExamWithContrast.given(service, 'SEVERE');
    const reaction = (await exam.react('mild')).body as AdverseEvent;
    const mild = await exam.task('contrast-reaction');
    expect(mild).toMatchObject({
      status: 'requested',
      restriction: { recipient: [{ display: 'Radiologist on duty' }] },
      focus: { reference: `AdverseEvent/${reaction.id}` },
    });
    const extension = [
      { url: 'urn:collimator:extension:manifestation', valueCodeableConcept: { text: 'anaphylaxis' } },
    ];
    // Whatever severity was stated: what is seen makes it a severe one.
    expect((await correct(reaction, { extension })).status).toBe(200);
    await exam.task('contrast-reaction', isStatus('cancelled'));
    const severe = await exam.task('contrast-reaction', isLevel(3), 'the emergency team to be asked');
    expect(severe.priority).toBe('stat');
    expect((await exam.answer(severe, { status: 'accepted' })).status).toBe(400);
    expect((await exam.answer(severe, { status: 'accepted', owner: { display: 'Dr. Duty' } })).status).toBe(200);
    expect(await service.sql('SELECT 1 FROM due_task WHERE task_id = $1', [severe.id])).toEqual([]);
    expect(await allergyOf(reaction)).toMatchObject({ criticality: 'high' });
    const levels = (await exam.told('imaging.contrast.escalated.v1')).filter(([one]) => one!.id === severe.id);
    expect(levels.map(([one]) => escalationOf(one as Task)!.level)).toEqual([1, 2, 3]);
    expect(levels[0]!.map(({ resourceType }) => resourceType).sort()).toEqual([
      'AdverseEvent',
      'Patient',
      'ServiceRequest',
      'Task',
    ]);
  });

  it('that is mild again asks those of a mild one again', async () => {
    const exam = await AnExamWithContrast.given(service, 'AGAIN');
    const reaction = (await exam.react('mild')).body as AdverseEvent;
    const severity = (code: string) => ({
      severity: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adverse-event-severity', code }] },
    });
    const worse = (await correct(reaction, severity('moderate'))).body as AdverseEvent;
    expect((await correct(worse, severity('mild'))).status).toBe(200);
    const open = (await exam.tasks('contrast-reaction')).filter(isStatus('requested'));
    expect(open.map(({ description }) => description)).toEqual(['mild, allergic-like']);
    expect((await exam.told('imaging.contrast.escalated.v1')).map(([one]) => (one as Task).description)).toEqual([
      'mild, allergic-like',
      'moderate, allergic-like',
      'mild, allergic-like',
    ]);
  });

  it('of a patient who was merged is the survivor’s, with all that came of it, also where it still comes', async () => {
    const exam = await AnExamWithContrast.given(service, 'MERGED');
    const reaction = (await exam.react()).body as AdverseEvent;
    const survivor = aPatient({ mrn: 'SURVIVOR' });
    await service.tell('imaging.patient.merged.v1', ...aMerge(exam.patient, survivor));
    const own = async (type: string) => (await service.get<Bundle>(`/fhir/${type}?patient=${survivor.id}`)).total;
    await until(async () => (await own('AdverseEvent')) === 1, { what: 'the reaction to be moved' });
    expect([await own('AllergyIntolerance'), (await exam.tasks('contrast-reaction', survivor)).length]).toEqual([1, 1]);
    const moved = await service.get<AdverseEvent>(`/fhir/AdverseEvent/${reaction.id}`);
    expect((await correct(moved, { outcome: { text: 'recovered' }, subject: reaction.subject })).status).toBe(200);
    const late = await exam.react('severe', { identifier: { system: 'urn:test:reactions', value: 'MERGED2' } });
    expect(late).toMatchObject({ status: 201, body: { subject: { reference: `Patient/${survivor.id}` } } });
  });

  it('of a kind that does not come again makes no allergy, and takes back the one that was made', async () => {
    const exam = await AnExamWithContrast.given(service, 'PHYSIO');
    const reaction = (await exam.react('mild')).body as AdverseEvent;
    expect((await correct(reaction, { event: kind('physiologic') })).status).toBe(200);
    expect(await allergyOf(reaction)).toMatchObject({
      verificationStatus: { coding: [{ code: 'refuted' }] },
      clinicalStatus: { coding: [{ code: 'inactive' }] },
    });
    const other = await exam.react('mild', {
      identifier: { system: 'urn:test:reactions', value: 'PHYSIO2' },
      event: kind('physiologic'),
    });
    expect(other.status).toBe(201);
    expect(await allergyOf(other.body)).toMatchObject({ resourceType: 'OperationOutcome' });
  });

  it('is refused where something is missing or of somebody else, naming the element', async () => {
    const exam = await AnExamWithContrast.given(service, 'REFUSED');
    const extension = [{ url: 'urn:collimator:extension:manifestation', valueCodeableConcept: { text: 'felt odd' } }];
    expect(place(await exam.react('moderate', { extension }))).toEqual([
      422,
      'AdverseEvent.extension[0].valueCodeableConcept',
    ]);
    expect(place(await exam.react('moderate', { subject: { reference: 'Patient/somebody' } }))[0]).toBe(409);
    expect(
      place(
        await exam.react('moderate', { suspectEntity: [{ instance: { reference: 'MedicationAdministration/none' } }] }),
      ),
    ).toEqual([404, 'AdverseEvent.suspectEntity']);
    expect(place(await exam.react('moderate', { modifierExtension: inError }))[0]).toBe(409);
    const stranger = aReaction('STRANGER', { resourceType: 'Patient', id: 'nobody' });
    expect(place(await service.send('POST', 'AdverseEvent', stranger))).toEqual([404, 'AdverseEvent.subject']);
    expect(await exam.told('imaging.contrast.reaction-recorded.v1')).toEqual([]);
  });

  it('to contrast given elsewhere is taken by the agent it names', async () => {
    const exam = await AnExamWithContrast.given(service, 'ELSEWHERE');
    const { status, body } = await service.send('POST', 'AdverseEvent', aReaction('ELSEWHERE2', exam.patient));
    expect(status).toBe(201);
    expect(await allergyOf(body)).toMatchObject({ code: { text: 'iopromide' } });
  });
});

describe('An exam the modality stopped because of contrast', () => {
  const stopped = async (exam: AnExamWithContrast, code = '110503') => {
    const procedure: Procedure = {
      resourceType: 'Procedure',
      id: uuidFrom('Procedure', exam.name),
      status: 'stopped',
      statusReason: { coding: [{ system: 'http://dicom.nema.org/resources/ontology/DCM', code }] },
      basedOn: [{ reference: `ServiceRequest/${exam.order.id}` }],
      subject: { reference: `Patient/${exam.patient.id}` },
    };
    await service.tell('imaging.schedule.exam-discontinued.v1', procedure, exam.patient);
  };

  it('asks for the reaction until it is recorded', async () => {
    const exam = await AnExamWithContrast.given(service, 'STOPPED');
    await stopped(exam);
    const asked = await exam.task('record-reaction', isLevel(2), 'the next level to be asked');
    expect(asked.focus).toEqual({ reference: `Procedure/${uuidFrom('Procedure', 'STOPPED')}` });
    const { body } = await exam.react();
    const settled = await exam.task('record-reaction', isStatus('completed'));
    expect(settled.output![0]!.valueReference).toEqual({ reference: `AdverseEvent/${(body as AdverseEvent).id}` });
    await correct(body, { modifierExtension: inError });
    const again = await exam.task('record-reaction', isStatus('requested'));
    expect(again.output).toBeUndefined();
  });

  it('has its answer at once where the reaction was recorded first', async () => {
    const exam = await AnExamWithContrast.given(service, 'FIRST');
    await exam.react();
    await stopped(exam);
    await exam.task('record-reaction', isStatus('completed'));
    expect((await exam.tasks('record-reaction'))[0]!.output).toHaveLength(1);
  });

  it('for another reason asks nothing', async () => {
    const exam = await AnExamWithContrast.given(service, 'REFUSEDBY');
    await stopped(exam, '110505');
    await until(
      async () =>
        (await service.sql('SELECT 1 FROM resource WHERE id = $1', [uuidFrom('Procedure', 'REFUSEDBY')])).length === 1,
      { what: 'the exam to be kept' },
    );
    expect(await exam.tasks('record-reaction')).toEqual([]);
  });
});

describe('An extravasation', () => {
  it('stated with what was given is asked about and followed up, and somebody is asked where nobody looks', async () => {
    const extension = [
      {
        url: 'urn:collimator:extension:extravasation',
        extension: [
          { url: 'site', valueCodeableConcept: { text: 'left forearm' } },
          { url: 'volume', valueQuantity: { value: 20, unit: 'mL' } },
        ],
      },
    ];
    const exam = await AnExamWithContrast.given(service, 'ARM', { extension });
    await exam.task('record-reaction');
    const followUps = await exam.tasks('extravasation-follow-up');
    expect(followUps).toHaveLength(2);
    const overdue = await exam.task('overdue');
    expect(overdue.focus!.reference).toBe(
      `Task/${followUps.find(({ description }) => description!.includes('0.0001'))!.id}`,
    );
    const { status } = await exam.react('mild', { event: kind('extravasation'), extension: undefined });
    expect(status).toBe(201);
    await exam.task('record-reaction', isStatus('completed'));
    expect(await exam.tasks('extravasation-follow-up')).toHaveLength(2);
    expect(
      await allergyOf((await exam.react('mild', { event: kind('extravasation'), extension: undefined })).body),
    ).toMatchObject({ resourceType: 'OperationOutcome' });
    const [first] = await exam
      .tasks('extravasation-follow-up')
      .then((all) => all.filter(({ id }) => overdue.focus!.reference === `Task/${id}`));
    expect((await exam.answer(first!, { status: 'completed', owner: { display: 'Nora Nurse' } })).status).toBe(200);
    await exam.task('overdue', isStatus('completed'));
  });
});
