import { Inject, Injectable } from '@nestjs/common';
import type { FhirResource, ServiceRequest } from 'fhir/r4.js';
import { findResources, type ImagingEvent } from '#events';
import { FhirStore, keepCopies } from '#fhir';
import type { Transaction } from '#messaging';
import { standingOrder, withOrders } from './standing-order.decider.js';

/** What this service keeps of other services' resources, to tell the EMR a whole story. */
const kept = ['Patient', 'ServiceRequest', 'Procedure', 'MedicationAdministration'];

/** Copies of what other services own. */
@Injectable()
export class Copies {
  constructor(@Inject(FhirStore) private readonly store: FhirStore) {}

  /** Keeps what an event carries. @returns the event as it would have been told with its orders as they stand */
  async keep(event: ImagingEvent, { manager, now }: Transaction): Promise<ImagingEvent> {
    // Several where one exam performs several (the group case of IHE SWF).
    const told = findResources(event, 'ServiceRequest');
    const keys = told.map(({ id }) => ({ type: 'ServiceRequest', id: id! }));
    const known = (await this.store.readMany(manager, keys)) as ServiceRequest[];
    const orders = told.map((order) =>
      standingOrder(
        known.find(({ id }) => id === order.id),
        order,
      ),
    );
    const standing = withOrders(event, orders);
    const carried = (standing.data.entry ?? [])
      .map(({ resource }) => resource)
      .filter((one): one is FhirResource => one !== undefined && kept.includes(one.resourceType));
    await keepCopies(this.store, manager, carried, now);
    return standing;
  }
}
