import { Inject, Injectable } from '@nestjs/common';
import { FhirStore } from '#fhir';
import type { Hl7Message } from '#hl7v2';
import type { Hl7Interpreter, Interpreted } from '#intake';
import { labsFromMessage } from '#mapping';
import { SITE, type Sender, type Site } from '#platform';
import { OrderDesk } from './order-desk.js';

/**
 * Learns what a laboratory measured, such as creatinine and eGFR, from ORU^R01: whoever screens for contrast hears of it
 * at once. A laboratory makes a patient known, but changes nothing of one who is: their data are the EMR's to tell.
 */
@Injectable()
export class TakeLabsWhenOruArrives implements Hl7Interpreter {
  readonly messageTypes = ['ORU^R01'];

  constructor(
    @Inject(OrderDesk) private readonly desk: OrderDesk,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(SITE) private readonly site: Site,
  ) {}

  interpret(message: Hl7Message, sender: Sender): Interpreted {
    const said = labsFromMessage(message, sender, this.site);
    return {
      patientId: said.patient.id!,
      said,
      carryOut: async (transaction) => {
        const known = await this.store.read(transaction.manager, 'Patient', said.patient.id!);
        await this.desk.take({ ...said, patient: known ?? said.patient, orders: [] }, transaction);
      },
    };
  }
}
