import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { AdverseEvent, MedicationAdministration } from 'fhir/r4.js';
import { conceptText, referencedId } from '#fhir';
import { contrastPlanIdOf } from '../contrast-plan.decider.js';
import { medicationOf } from '../administration/read-administration.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { isInError, kindOf, orderOf, severityOf, suspectOf } from '../reaction/read-reaction.js';
import { agentOf } from '../screening/planned-contrast.js';
import { RoomsStock } from '../supplies/rooms-stock.js';
import { SupplyReports } from '../supplies/supply-reports.store.js';
import { microlitresOf, millilitresOf } from '../supplies/volume.js';
import { NOT_KNOWN, type Given, type Reacted, type Wasted } from './contrast-statistics.js';

/** Read at a time: bodies of administrations are large, what is kept of each is not. */
const PAGE = 2000;
/** A time with a zone; a day or a month alone is counted from its first moment in UTC. */
const timeOf = (text: string) => `(CASE WHEN ${text} ~ '^\\d{4}-\\d\\d-\\d\\d' THEN (${text})::timestamptz
  WHEN ${text} ~ '^\\d{4}-\\d\\d$' THEN (${text} || '-01')::timestamptz END)`;
const givenAt = (alias: string) =>
  timeOf(`coalesce(${alias}.body->>'effectiveDateTime', ${alias}.body#>>'{effectivePeriod,start}')`);
/** Statuses in which contrast went into the patient (see `wasGiven`). */
const GIVEN = "('completed', 'stopped', 'in-progress', 'on-hold')";

/** What statistics are made of, without whom it was about. */
@Injectable()
export class ContrastFacts {
  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SupplyReports) private readonly reports: SupplyReports,
    @Inject(RoomsStock) private readonly rooms: RoomsStock,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
  ) {}

  /** Administrations that began from then until before then. */
  async given(from: Date, until: Date): Promise<Given[]> {
    const found: Given[] = [];
    for (let last = ''; ;) {
      const rows: { id: string; body: MedicationAdministration; code: { text?: string } | null }[] =
        await this.dataSource.query(
          `SELECT a.id, a.body, o.body->'code' AS code FROM resource AS a
             LEFT JOIN resource AS o ON o.type = 'ServiceRequest'
               AND o.id = substr(a.body#>>'{supportingInformation,0,reference}', length('ServiceRequest/') + 1)
            WHERE a.type = 'MedicationAdministration' AND a.status IN ${GIVEN} AND a.id > $3
              AND ${givenAt('a')} >= $1 AND ${givenAt('a')} < $2
            ORDER BY a.id LIMIT ${PAGE}`,
          [from, until, last],
        );
      found.push(...rows.map(({ body, code }) => this.asGiven(body, code && conceptText(code))));
      if (rows.length < PAGE) return found;
      last = rows.at(-1)!.id;
    }
  }

  /**
   * Reactions to these administrations, and those of that time of which it is not known to what they were. One to an
   * administration of another time belongs there.
   */
  async reacted(from: Date, until: Date, given: readonly Given[]): Promise<Reacted[]> {
    const inPeriod = new Set(given.map(({ administrationId }) => administrationId));
    const exams = new Set(given.map(({ examId }) => examId));
    const rows: { body: AdverseEvent; orderId: string | null; isOfTime: boolean; isKnown: boolean }[] =
      await this.dataSource.query(
        `SELECT e.body, substr(p.body#>>'{basedOn,0,reference}', length('ServiceRequest/') + 1) AS "orderId",
                ${timeOf("e.body->>'date'")} >= $1 AND ${timeOf("e.body->>'date'")} < $2 AS "isOfTime",
                EXISTS (SELECT FROM resource AS a WHERE a.type = 'MedicationAdministration' AND a.status IN ${GIVEN}
                  AND e.refs @> ARRAY['MedicationAdministration/' || a.id] AND a.patient_id = e.patient_id) AS "isKnown"
           FROM resource AS e
           LEFT JOIN resource AS p ON p.type = 'Procedure' AND e.refs @> ARRAY['Procedure/' || p.id] AND p.patient_id = e.patient_id
          WHERE e.type = 'AdverseEvent' AND ${timeOf("e.body->>'date'")} >= $1`,
        [from, until],
      );
    return rows.flatMap(({ body, orderId, isOfTime, isKnown }) => {
      if (isInError(body)) return [];
      const administrationId = suspectOf(body, 'MedicationAdministration');
      const order = orderOf(body) ?? orderId ?? undefined;
      const examId = order && contrastPlanIdOf(order);
      const isCounted = administrationId
        ? inPeriod.has(administrationId) || (isOfTime && !isKnown)
        : isOfTime || (examId !== undefined && exams.has(examId));
      return isCounted
        ? [{ kind: kindOf(body), severity: severityOf(body, this.policy), administrationId, examId }]
        : [];
    });
  }

  /** What was thrown away from then until before then. */
  async wasted(from: Date, until: Date): Promise<Wasted[]> {
    return (await this.reports.waste(from, until)).map(({ gtin, lotNumber, room, kind, reason, volumeMl }) => ({
      agent: this.rooms.packages.get(gtin)?.agent ?? NOT_KNOWN,
      lotNumber,
      room,
      reason: reason ?? kind,
      volumeMl,
    }));
  }

  private asGiven(administration: MedicationAdministration, procedure: string | null): Given {
    const medication = medicationOf(administration);
    const concept = administration.medicationCodeableConcept ?? medication?.code;
    const known = this.policy && agentOf(concept?.coding ?? [], conceptText(concept), this.policy)?.display;
    return {
      administrationId: administration.id!,
      examId: referencedId(administration.request?.reference, 'MedicationRequest')!,
      procedure: procedure || undefined,
      agent: known ?? (conceptText(concept) || undefined),
      lotNumber: medication?.batch?.lotNumber?.trim() || NOT_KNOWN,
      volumeMl: millilitresOf(microlitresOf(administration.dosage?.dose) ?? 0),
    };
  }
}
