import { Inject, Injectable } from '@nestjs/common';
import { rekeyed } from '#fhir';
import { contentError, type Hl7Message } from '#hl7v2';
import type { Hl7Interpreter, Interpreted } from '#intake';
import { patientFrom, reportFromMessage } from '#mapping';
import { SITE, type Sender, type Site } from '#platform';
import { refuseAnothersOrder } from './refuse-anothers-order.js';
import { ReportDesk } from './report-desk.js';

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
        refuseAnothersOrder(own, candidates, { 'accession number': obr.at(18), 'placer order number': obr.at(2) });
        await this.desk.file(own, { ...patient, id: merged?.to ?? patient.id }, candidates, transaction);
      },
      refusal: ({ code, message: text }) => (code === 'duplicate-key' ? contentError(205, text, obr.at(3)) : undefined),
    };
  }
}
