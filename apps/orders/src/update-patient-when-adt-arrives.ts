import { Inject, Injectable } from '@nestjs/common';
import type { Hl7Message } from '#hl7v2';
import type { Hl7Interpreter, Interpreted } from '#intake';
import { admissionTypes, patientFromAdt } from '#mapping';
import { SITE, type Sender, type Site } from '#platform';
import { OrderDesk } from './order-desk.js';

/** Learns patients and visits from what the EMR says of admission, transfer, discharge and registration (ADT). */
@Injectable()
export class UpdatePatientWhenAdtArrives implements Hl7Interpreter {
  readonly messageTypes = admissionTypes;

  constructor(
    @Inject(OrderDesk) private readonly desk: OrderDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  interpret(message: Hl7Message, sender: Sender): Interpreted {
    const said = patientFromAdt(message, sender, this.site);
    return {
      patientId: said.patient.id!,
      said,
      carryOut: async (transaction) => void (await this.desk.take({ ...said, orders: [] }, transaction)),
    };
  }
}
