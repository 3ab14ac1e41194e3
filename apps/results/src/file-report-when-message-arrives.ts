import { Inject, Injectable } from '@nestjs/common';
import type { DiagnosticReport, ServiceRequest } from 'fhir/r4.js';
import { rekeyed } from '#fhir';
import { contentError, type Hl7Message, type Segment } from '#hl7v2';
import type { Hl7Interpreter, Interpreted } from '#intake';
import { patientFrom, reportFromMessage } from '#mapping';
import { SITE, type Sender, type Site } from '#platform';
import { namedBy, type NamedBy } from './report.decider.js';
import { ReportDesk } from './report-desk.js';

/** OBR field that holds the number. */
const fields: Record<NamedBy, number> = { 'accession number': 18, 'placer order number': 2 };

/** Files reports from ORU^R01 under their orders. One whose order is not known is kept and listed, never dropped. */
@Injectable()
export class FileReportWhenMessageArrives implements Hl7Interpreter {
  readonly messageTypes = ['ORU^R01'];

  constructor(
    @Inject(ReportDesk) private readonly desk: ReportDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** @throws Hl7Refusal naming the field at fault */
  interpret(message: Hl7Message, sender: Sender): Interpreted {
    const { report } = reportFromMessage(message, sender, this.site);
    const patient = patientFrom(message, sender, this.site);
    const obr = message.first('OBR')!;
    return {
      patientId: patient.id!,
      said: { patient, report },
      carryOut: async (transaction) => {
        const { merged } = transaction;
        const own = merged ? rekeyed(report, merged) : report;
        const candidates = await this.desk.candidatesFor(own, transaction);
        refuseAnothersOrder(own, candidates, obr);
        await this.desk.file(own, { ...patient, id: merged?.to ?? patient.id }, candidates, transaction);
      },
      refusal: ({ code, message: text }) => (code === 'duplicate-key' ? contentError(205, text, obr.at(3)) : undefined),
    };
  }
}

/** @throws Hl7Refusal 204 where the numbers name an order, but none of this patient's */
function refuseAnothersOrder(report: DiagnosticReport, candidates: readonly ServiceRequest[], obr: Segment): void {
  const named = candidates.flatMap((order) => {
    const by = namedBy(report, order);
    return by ? [{ by, isOwn: order.subject.reference === report.subject?.reference }] : [];
  });
  const other = named.find(({ isOwn }) => !isOwn);
  if (!other || named.some(({ isOwn }) => isOwn)) return;
  const field = fields[other.by];
  throw contentError(204, `the ${other.by} is of another patient's order: check PID-3 and OBR-${field}`, obr.at(field));
}
