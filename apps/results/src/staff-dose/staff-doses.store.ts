import { Injectable } from '@nestjs/common';
import type { DetectedIssue, Observation, Practitioner } from 'fhir/r4.js';
import type { EntityManager } from 'typeorm';
import type { PersonalDose, WearLocation } from '#platform';
import type { DeclaredPregnancy } from './dose-against-limits.decider.js';
import type { SummedReading } from './dose-of-person.decider.js';
import { groupedBy } from './grouped-by.js';
import { alertStateOf, type AlertState } from './staff-dose-alert.decider.js';
import { personalDoseSystem, wearLocationSystem } from './staff-dose-codes.js';
import { NANO, type ReadValue, type StaffReading } from './staff-reading.decider.js';

/** More staff than a department has. */
const MOST_ROWS = 5000;

/** A reading as it is kept, with whose it is. */
export type KeptReading = SummedReading &
  Pick<StaffReading, 'person' | 'badge'> & { id: string; practitionerId: string };

/** What the doses of one person are told from. */
export interface PersonReadings {
  practitionerId: string;
  readings: KeptReading[];
  pregnancies: DeclaredPregnancy[];
}

/** Which readings: of one person, or of a time by the last day they were worn; all unless given. */
export interface ReadingsAsked {
  practitionerIds?: readonly string[];
  /** Days as YYYY-MM-DD, both included. */
  from?: string;
  to?: string;
}

interface Row {
  id: string;
  practitioner: string;
  body: Pick<
    Observation,
    'code' | 'bodySite' | 'effectivePeriod' | 'valueQuantity' | 'dataAbsentReason' | 'subject' | 'device'
  >;
}

/** Readings, persons and alerts in the schema of staff doses; each call works in the transaction it is given. */
@Injectable()
export class StaffDoses {
  /** Readings and declared pregnancies by person. What was entered in error is not among them. */
  async byPerson(manager: EntityManager, { practitionerIds, from, to }: ReadingsAsked = {}): Promise<PersonReadings[]> {
    const rows: Row[] = await manager.query(
      `SELECT id, substr(body #>> '{subject,reference}', 14) AS practitioner,
              jsonb_build_object('code', body -> 'code', 'bodySite', body -> 'bodySite', 'effectivePeriod', body -> 'effectivePeriod',
                'valueQuantity', body -> 'valueQuantity', 'dataAbsentReason', body -> 'dataAbsentReason',
                'subject', body -> 'subject', 'device', body -> 'device') AS body
         FROM resource
        WHERE type = 'Observation' AND status <> 'entered-in-error'
          AND ($1::text[] IS NULL OR body #>> '{subject,reference}' = ANY($1))
          AND ($2::text IS NULL OR body #>> '{effectivePeriod,end}' >= $2)
          AND ($3::text IS NULL OR body #>> '{effectivePeriod,end}' <= $3)
        ORDER BY body #>> '{effectivePeriod,end}', id`,
      [practitionerIds?.map((id) => `Practitioner/${id}`) ?? null, from ?? null, to ?? null],
    );
    return [...groupedBy(rows, ({ practitioner }) => practitioner)].map(([practitionerId, own]) => ({
      practitionerId,
      readings: own.flatMap((row) => readingOf(row) ?? []),
      pregnancies: own.flatMap((row) => (readingOf(row) ? [] : [pregnancyOf(row)])),
    }));
  }

  /** Persons by id. */
  async persons(manager: EntityManager, ids: readonly string[]): Promise<Map<string, Practitioner>> {
    const rows: { id: string; body: Practitioner }[] = await manager.query(
      "SELECT id, body FROM resource WHERE type = 'Practitioner' AND id = ANY($1)",
      [ids],
    );
    return new Map(rows.map(({ id, body }) => [id, body]));
  }

  /** The ids of all persons anything is known of. */
  async personIds(manager: EntityManager): Promise<string[]> {
    const rows: { id: string }[] = await manager.query(
      "SELECT id FROM resource WHERE type = 'Practitioner' ORDER BY id",
    );
    return rows.map(({ id }) => id);
  }

  /** All alerts of these persons, by person. */
  async alertsOf(manager: EntityManager, practitionerIds: readonly string[]): Promise<Map<string, DetectedIssue[]>> {
    const rows: { body: DetectedIssue }[] = await manager.query(
      "SELECT body FROM resource WHERE type = 'DetectedIssue' AND refs && $1::text[] ORDER BY id",
      [practitionerIds.map((id) => `Practitioner/${id}`)],
    );
    return groupedBy(
      rows.map(({ body }) => body),
      (alert) => alert.implicated![0]!.reference!.slice('Practitioner/'.length),
    );
  }

  /** Alerts in a state, longest standing first. */
  async alerts(manager: EntityManager, state: AlertState): Promise<DetectedIssue[]> {
    const rows: { body: DetectedIssue }[] = await manager.query(
      `SELECT body FROM resource WHERE type = 'DetectedIssue' AND status = $1
        ORDER BY body ->> 'identifiedDateTime', id LIMIT $2`,
      [state === 'resolved' ? 'cancelled' : 'final', MOST_ROWS],
    );
    return rows.map(({ body }) => body).filter((alert) => alertStateOf(alert) === state);
  }
}

/** Undefined for what is no reading. */
function readingOf({ id, practitioner, body }: Row): KeptReading | undefined {
  const codeOf = (concept: Observation['bodySite'], system: string) =>
    concept?.coding?.find((one) => one.system === system)?.code;
  const quantity = codeOf(body.code, personalDoseSystem) as PersonalDose | undefined;
  if (!quantity) return undefined;
  const { system, value } = body.subject!.identifier!;
  const badge = body.device?.identifier;
  return {
    id,
    practitionerId: practitioner,
    person: { system: system!, value: value! },
    ...(badge ? { badge: { system: badge.system!, value: badge.value! } } : {}),
    quantity,
    location: codeOf(body.bodySite, wearLocationSystem) as WearLocation,
    start: body.effectivePeriod!.start!,
    end: body.effectivePeriod!.end!,
    value: valueOf(body),
  };
}

function valueOf({ valueQuantity }: Row['body']): ReadValue {
  if (!valueQuantity) return { kind: 'not-read' };
  const nanosieverts = Math.round(valueQuantity.value! * NANO);
  return { kind: valueQuantity.comparator ? 'below' : 'measured', nanosieverts };
}

function pregnancyOf({ body }: Row): DeclaredPregnancy {
  const { start, end } = body.effectivePeriod!;
  return { from: start!, ...(end ? { until: end } : {}) };
}
