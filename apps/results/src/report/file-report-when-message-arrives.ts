import { Inject, Injectable } from '@nestjs/common';
import { rekeyed } from '#fhir';
import { contentError, type Hl7Message, type Segment } from '#hl7v2';
import type { Hl7Interpreter, Interpreted } from '#intake';
import { patientFrom, reportsFromMessage } from '#mapping';
import { asFailure, SITE, type Sender, type Site } from '#platform';
import { refuseAnothersOrder } from './refuse-anothers-order.js';
import { ReportDesk } from './report-desk.js';

/** Files reports from ORU^R01 under their orders, all of a message or none. One whose order is not known is kept and listed, never dropped. */
@Injectable()
export class FileReportWhenMessageArrives implements Hl7Interpreter {
  readonly messageTypes = ['ORU^R01'];

  constructor(
    @Inject(ReportDesk) private readonly desk: ReportDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** @throws Hl7Refusal naming the field at fault */
  interpret(message: Hl7Message, sender: Sender): Interpreted {
    const { patientId, reports } = reportsFromMessage(message, sender, this.site);
    const patient = patientFrom(message, sender, this.site);
    return {
      patientId,
      said: { patient, reports: reports.map(({ report }) => report) },
      carryOut: async (transaction) => {
        const { merged } = transaction;
        for (const { report, obr } of reports) {
          const own = merged ? rekeyed(report, merged) : report;
          const candidates = await this.desk.candidatesFor(own, transaction);
          refuseAnothersOrder(own, candidates, { 'accession number': obr.at(18), 'placer order number': obr.at(2) });
          await atReport(
            obr,
            this.desk.file(
              own,
              { patient: { ...patient, id: merged?.to ?? patient.id }, from: sender.application },
              candidates,
              transaction,
            ),
          );
        }
      },
    };
  }
}

/** Names the report number where it is another patient's. @throws Hl7Refusal 205 */
async function atReport(obr: Segment, filing: Promise<unknown>): Promise<void> {
  try {
    await filing;
  } catch (error) {
    const { code, message } = asFailure(error);
    throw code === 'duplicate-key' ? contentError(205, message, obr.at(3)) : error;
  }
}
