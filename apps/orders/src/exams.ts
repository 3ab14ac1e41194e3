import { Inject, Injectable } from '@nestjs/common';
import type { Procedure, ServiceRequest } from 'fhir/r4.js';
import { FhirStore, keepCopies } from '#fhir';
import type { Transaction } from '#messaging';

/** Copies of the exams of our orders, as scheduling tells them: an order does not say whether its exam is under way. */
@Injectable()
export class Exams {
  constructor(@Inject(FhirStore) private readonly store: FhirStore) {}

  async keep(exam: Procedure, { manager, now }: Transaction): Promise<void> {
    await keepCopies(this.store, manager, [exam], now);
  }

  /** True if an exam of the order is under way, as far as is known here; `except` one. */
  async isUnderWay({ id }: ServiceRequest, { manager }: Transaction, except?: Procedure): Promise<boolean> {
    const exams = await this.store.referringTo(manager, 'Procedure', `ServiceRequest/${id}`);
    return exams.some((one) => one.status === 'in-progress' && one.id !== except?.id);
  }
}
