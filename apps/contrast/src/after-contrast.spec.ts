import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type {
  AdverseEvent,
  Bundle,
  FhirResource,
  Medication,
  MedicationAdministration,
  Patient,
  Task,
} from 'fhir/r4.js';
import { anAdministration, anObservation, aPatient, aServiceRequest, until } from '#testing';
import type { AContrastService } from './a-contrast-service.spec.js';
import type { PolicyContent } from './policy/contrast-policy.js';

/** Milliseconds, as minutes of a policy. */
export const ms = (count: number) => count / 60_000;

/** The shipped example, signed off and changed. @returns the path of the file */
export function policyFile(change: (policy: PolicyContent) => void = () => undefined): string {
  const policy = parse(readFileSync('deploy/local/contrast-policy.yaml', 'utf8')) as PolicyContent;
  policy.signedOff = { by: 'Dr. Example', on: '2026-01-01' };
  change(policy);
  const path = join(mkdtempSync(join(tmpdir(), 'collimator-policy-')), 'policy.yaml');
  writeFileSync(path, stringify(policy));
  return path;
}

/** A patient, to whom contrast is given, and what becomes of it; what specs share, no spec. */
export class AnExamWithContrast {
  private constructor(
    private readonly service: AContrastService,
    readonly name: string,
    readonly patient: Patient,
    readonly order: ReturnType<typeof aServiceRequest>,
    readonly administration: MedicationAdministration,
  ) {}

  /** @param secondsAgo when it was given; @param overrides of the administration */
  static async given(
    service: AContrastService,
    name: string,
    {
      secondsAgo = 0,
      clinical = () => [],
      ...overrides
    }: {
      secondsAgo?: number;
      clinical?: (patient: Patient) => FhirResource[];
    } & Partial<MedicationAdministration> = {},
  ): Promise<AnExamWithContrast> {
    const patient = aPatient({ mrn: name, gender: 'male' });
    const order = this.order(name, patient);
    await service.tell('imaging.order.placed.v1', order, patient, ...clinical(patient));
    const plan = await service.planOf(order);
    const effectiveDateTime = new Date(Date.now() - secondsAgo * 1000).toISOString();
    const stated = anAdministration(plan, {
      identifier: [{ system: 'urn:test:injector', value: name }],
      effectiveDateTime,
      ...overrides,
    });
    const { body } = await service.send('POST', 'MedicationAdministration', stated);
    return new AnExamWithContrast(service, name, patient, order, body);
  }

  static order(name: string, patient: Patient) {
    const procedure = { code: 'CTCHESTC', display: 'CT chest with contrast' };
    return aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient, procedure });
  }

  /** The Tasks of a kind, in the order they were changed. */
  async tasks(code: string, patient = this.patient): Promise<Task[]> {
    const found = await this.service.get<Bundle<Task>>(`/fhir/Task?patient=${patient.id}&code=${code}`);
    return (found.entry ?? []).map(({ resource }) => resource!);
  }

  /** Waits for one Task of a kind of which this is true. */
  task(code: string, is: (task: Task) => boolean = () => true, what = `a Task ${code}`): Promise<Task> {
    return until(async () => (await this.tasks(code)).find(is), { what });
  }

  answer(task: Task, overrides: Partial<Task>) {
    return this.service.send(
      'PUT',
      `Task/${task.id}`,
      { ...task, ...overrides },
      { 'if-match': `W/"${task.meta!.versionId}"` },
    );
  }

  measure(code: string, name = code, overrides: object = {}) {
    return this.service.send('POST', 'Observation', {
      ...anObservation(code, { patient: this.patient, effectiveDateTime: new Date().toISOString() }),
      id: undefined,
      identifier: [{ system: 'urn:test:monitor', value: `${this.name} ${name}` }],
      partOf: [{ reference: `MedicationAdministration/${this.administration.id}` }],
      valueQuantity: { value: 80, unit: '/min' },
      performer: [{ display: 'Nora Nurse' }],
      ...overrides,
    });
  }

  reaction(severity = 'moderate', overrides: Partial<AdverseEvent> = {}): AdverseEvent {
    return aReaction(this.name, this.patient, {
      severity: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adverse-event-severity', code: severity }],
      },
      suspectEntity: [{ instance: { reference: `MedicationAdministration/${this.administration.id}` } }],
      ...overrides,
    });
  }

  react(severity?: string, overrides: Partial<AdverseEvent> = {}) {
    return this.service.send('POST', 'AdverseEvent', this.reaction(severity, overrides));
  }

  told = (type: Parameters<AContrastService['published']>[0]) => this.service.published(type, this.patient.id);
}

const agent: Medication = { resourceType: 'Medication', id: 'agent', code: { text: 'iopromide' } };

/** A moderate allergic-like reaction with hives, as a person records it. */
export function aReaction(name: string, patient: Patient, overrides: Partial<AdverseEvent> = {}): AdverseEvent {
  return {
    resourceType: 'AdverseEvent',
    identifier: { system: 'urn:test:reactions', value: name },
    actuality: 'actual',
    event: { coding: [{ system: 'urn:collimator:reaction-kind', code: 'allergic-like' }] },
    subject: { reference: `Patient/${patient.id}` },
    date: '2026-03-02T10:08:00+01:00',
    severity: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adverse-event-severity', code: 'moderate' }],
    },
    recorder: { display: 'Tara Technologist' },
    suspectEntity: [{ instance: { reference: '#agent' } }],
    contained: [agent],
    extension: [
      { url: 'urn:collimator:extension:manifestation', valueCodeableConcept: { text: 'Hives' } },
      {
        url: 'urn:collimator:extension:treatment',
        extension: [
          { url: 'what', valueCodeableConcept: { text: 'cetirizine 10 mg' } },
          { url: 'at', valueDateTime: '2026-03-02T10:10:00+01:00' },
        ],
      },
    ],
    ...overrides,
  };
}

/** Says that it never was, as R4 has no status for it. */
export const inError = [{ url: 'urn:collimator:extension:entered-in-error', valueBoolean: true }];
