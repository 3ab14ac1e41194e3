import { Inject, Injectable } from '@nestjs/common';
import { rekeyed } from '#fhir';
import { contentError, type Hl7Message, type Location } from '#hl7v2';
import type { Hl7Interpreter, Interpreted } from '#intake';
import { documentFromMessage, documentTypes, patientFrom } from '#mapping';
import { SITE, type Sender, type Site } from '#platform';
import { refuseAnothersOrder } from './refuse-anothers-order.js';
import type { NamedBy } from './report.decider.js';
import { ReportDesk } from './report-desk.js';

/**
 * Files the documents of a dictation system (MDM) as reports under their orders, as those of ORU^R01 are: preliminary,
 * final, with addendum, corrected, cancelled.
 */
@Injectable()
export class FileDocumentWhenMessageArrives implements Hl7Interpreter {
  readonly messageTypes = documentTypes;

  constructor(
    @Inject(ReportDesk) private readonly desk: ReportDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** @throws Hl7Refusal naming the field at fault */
  interpret(message: Hl7Message, sender: Sender): Interpreted {
    const said = documentFromMessage(message, sender, this.site);
    const patient = patientFrom(message, sender, this.site);
    const txa = message.first('TXA')!;
    return {
      patientId: said.patientId,
      said: { patient, ...said },
      carryOut: async (transaction) => {
        const { merged } = transaction;
        const own = merged ? rekeyed(said, merged) : said;
        const candidates = await this.desk.candidatesFor(own.report, transaction);
        refuseAnothersOrder(own.report, candidates, placesIn(message));
        await this.desk.fileDocument(
          own,
          { patient: { ...patient, id: merged?.to ?? patient.id }, from: sender.application },
          candidates,
          transaction,
        );
      },
      refusal: ({ code, field, message: text }) =>
        code === 'duplicate-key'
          ? contentError(205, text, txa.at(field === 'DocumentReference.relatesTo' ? 13 : 12))
          : undefined,
    };
  }
}

/** Where a document message names its order: in the order group or in TXA. */
function placesIn(message: Hl7Message): Record<NamedBy, Location> {
  const [txa, obr] = [message.first('TXA')!, message.first('OBR')];
  return {
    'accession number': obr?.get(18) ? obr.at(18) : txa.at(15),
    'placer order number': txa.get(14) || !obr ? txa.at(14) : obr.at(2),
  };
}
