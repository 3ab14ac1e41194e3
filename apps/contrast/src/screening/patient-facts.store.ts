import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { AllergyIntolerance, Condition, FhirResource, Observation, Patient } from 'fhir/r4.js';
import { findResource, findResources, type ImagingEvent } from '#events';
import { FhirStore, keepCopies, referencedId } from '#fhir';
import type { ContrastPolicy, PolicyCode } from '../policy/contrast-policy.js';
import { keyOf, timeOf, type PatientRecord } from './facts-of-patient.js';

/** Of each code this many are read, newest first: those after an error or a preliminary value are still among them. */
const NEWEST = 20;
/** More of one kind of diagnosis, each visit's own, than anybody has; it also keeps the planner to the index. */
const MOST_DIAGNOSES = 1000;

/** What is told of patients that a screening reads: kept as copies, and found by code among years of history. */
@Injectable()
export class PatientFactsStore {
  constructor(@Inject(FhirStore) private readonly store: FhirStore) {}

  /** Keeps what an event tells of a patient's state. */
  async keep(event: ImagingEvent, manager: EntityManager, now: Date): Promise<void> {
    const encounter = findResource(event, 'Encounter');
    const coded = [...findResources(event, 'Observation'), ...findResources(event, 'Condition')];
    const told: FhirResource[] = [
      ...coded,
      ...findResources(event, 'AllergyIntolerance'),
      ...(encounter ? [encounter] : []),
    ];
    if (told.length === 0) return;
    const kept = await keepCopies(this.store, manager, told, now);
    await this.index(
      kept.filter((one): one is Coded => one.resourceType === 'Observation' || one.resourceType === 'Condition'),
      manager,
    );
  }

  /** Gives the facts of a patient who was merged to the one who stands for them. */
  async move(manager: EntityManager, from: string, to: string): Promise<void> {
    await manager.query('UPDATE coded_fact SET patient_id = $2 WHERE patient_id = $1', [from, to]);
  }

  /** What a screening by this policy may need of a patient; of a visit only that of the order. */
  async recordOf(
    patient: Patient,
    encounterId: string | undefined,
    policy: ContrastPolicy,
    manager: EntityManager,
  ): Promise<PatientRecord> {
    const { labs, body, history } = policy;
    const states = Object.values(history);
    const observed = [
      ...labs.egfr.adult,
      ...labs.egfr.child,
      ...labs.creatinine,
      ...body.weight,
      ...body.height,
      ...states.flatMap(({ questions }) => questions),
    ].map(keyOf);
    const diagnosed = states.flatMap(({ conditions }) => conditions);
    const found = await this.found(patient.id!, [...new Set(observed)], diagnosed, manager);
    const of = <T extends FactType>(type: T) =>
      found.filter((one): one is Extract<Fact, { resourceType: T }> => one.resourceType === type);
    return {
      patient,
      encounter: encounterId ? await this.store.read(manager, 'Encounter', encounterId) : undefined,
      observations: of('Observation'),
      conditions: of('Condition'),
      allergies: of('AllergyIntolerance'),
    };
  }

  /** The newest observations by code, the diagnoses by code or what one begins with, and all allergies, in one round trip. */
  private async found(
    patientId: string,
    observed: readonly string[],
    diagnosed: readonly PolicyCode[],
    manager: EntityManager,
  ): Promise<Fact[]> {
    // What begins with a code is, in the order of bytes, between it and it with the last character there is.
    const until = diagnosed.map((one) => (one.andBelow ? `${keyOf(one)}\uffff` : keyOf(one)));
    const rows: { body: Fact }[] = await manager.query(
      `SELECT r.body FROM unnest($2::text[]) AS wanted (code)
        CROSS JOIN LATERAL (
          SELECT id FROM coded_fact AS f
           WHERE f.patient_id = $1 AND f.type = 'Observation' AND f.code = wanted.code
           ORDER BY f.at DESC NULLS LAST LIMIT ${NEWEST}) AS found
         JOIN resource AS r ON r.type = 'Observation' AND r.id = found.id
       UNION ALL
       SELECT r.body FROM unnest($3::text[], $4::text[]) AS wanted (code, until)
        CROSS JOIN LATERAL (
          SELECT id FROM coded_fact AS f
           WHERE f.patient_id = $1 AND f.type = 'Condition' AND f.code >= wanted.code AND f.code <= wanted.until
           ORDER BY f.code, f.at DESC NULLS LAST LIMIT ${MOST_DIAGNOSES}) AS found
         JOIN resource AS r ON r.type = 'Condition' AND r.id = found.id
       UNION ALL
       SELECT body FROM resource WHERE type = 'AllergyIntolerance' AND patient_id = $1`,
      [patientId, observed, diagnosed.map(keyOf), until],
    );
    // One that has several of the codes is found by each; in one order, so that the same is said in the same way.
    const byId = new Map(rows.map(({ body }) => [`${body.resourceType}/${body.id}`, body]));
    return [...byId.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, body]) => body);
  }

  private async index(resources: readonly Coded[], manager: EntityManager): Promise<void> {
    const rows = resources.flatMap((one) => {
      const patientId = referencedId(one.subject?.reference, 'Patient');
      const at = Date.parse((one.resourceType === 'Observation' ? timeOf(one) : one.recordedDate) ?? '');
      const keys = [...new Set((one.code?.coding ?? []).map(keyOf))];
      return patientId
        ? keys.map((code) => ({
            type: one.resourceType,
            id: one.id,
            code,
            patient_id: patientId,
            at: Number.isNaN(at) ? null : new Date(at),
          }))
        : [];
    });
    if (rows.length === 0) return;
    await manager.query(
      `INSERT INTO coded_fact (type, id, code, patient_id, at)
       SELECT type, id, code, patient_id, at
         FROM jsonb_to_recordset($1::jsonb) AS r (type text, id text, code text, patient_id text, at timestamptz)
       ON CONFLICT (type, id, code) DO UPDATE SET patient_id = excluded.patient_id, at = excluded.at`,
      [JSON.stringify(rows)],
    );
  }
}

type Coded = Observation | Condition;
type Fact = Coded | AllergyIntolerance;
type FactType = Fact['resourceType'];
