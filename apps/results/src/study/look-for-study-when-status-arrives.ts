import { Inject, Injectable } from '@nestjs/common';
import type { ServiceRequest } from 'fhir/r4.js';
import { FhirStore, studyInstanceUidOf } from '#fhir';
import type { Hl7Message } from '#hl7v2';
import type { Hl7Interpreter, Interpreted } from '#intake';
import { imageStatusFromMessage } from '#mapping';
import type { Transaction } from '#messaging';
import { SITE, type Sender, type Site } from '#platform';
import { StudyNews } from './study-news.js';

/**
 * A PACS or RIS says by the status of an order that there are images of it: its studies are looked at without waiting.
 * Which images there are the PACS says all the same. A number that is not an order of this patient's changes nothing.
 */
@Injectable()
export class LookForStudyWhenStatusArrives implements Hl7Interpreter {
  readonly messageTypes = ['ORM^O01', 'OMG^O19'];

  constructor(
    @Inject(StudyNews) private readonly news: StudyNews,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** @throws Hl7Refusal naming the field at fault */
  interpret(message: Hl7Message, sender: Sender): Interpreted {
    const { patient, orders } = imageStatusFromMessage(message, sender, this.site);
    return {
      patientId: patient.id!,
      said: { orders },
      carryOut: async (transaction) => {
        const patientId = transaction.merged?.to ?? patient.id!;
        const known = await this.store.ofPatient(transaction.manager, 'ServiceRequest', patientId);
        for (const numbers of orders)
          for (const order of known.filter((one) => isNamed(one, numbers))) await this.lookAt(order, transaction);
      },
    };
  }

  private async lookAt(order: ServiceRequest, transaction: Transaction): Promise<void> {
    const studies = await this.store.referringTo(transaction.manager, 'ImagingStudy', `ServiceRequest/${order.id}`);
    const uids = [order, ...studies].flatMap((one) => studyInstanceUidOf(one) ?? []);
    for (const uid of [...new Set(uids)].sort()) await this.news.seen(uid, transaction);
  }
}

function isNamed({ identifier = [] }: ServiceRequest, numbers: readonly string[]): boolean {
  return identifier.some(({ value }) => value !== undefined && numbers.includes(value));
}
