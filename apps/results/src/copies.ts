import { Inject, Injectable } from '@nestjs/common';
import type { FhirResource, ServiceRequest } from 'fhir/r4.js';
import { findResources, type ImagingEvent } from '#events';
import { FhirStore, keepCopies } from '#fhir';
import type { Transaction } from '#messaging';
import { asToldBefore, type ToldBefore } from './emr/emr-fact.js';
import { standingOrder, withOrders } from './standing-order.decider.js';

/** What this service keeps of other services' resources, to tell the EMR a whole story. */
const kept = ['Patient', 'ServiceRequest', 'Procedure', 'MedicationAdministration'];

/** What is told again where it is corrected: a receiver has to know which it is. */
const correctable = ['MedicationAdministration', 'AdverseEvent', 'AllergyIntolerance'];

/** Copies of what other services own. */
@Injectable()
export class Copies {
  constructor(@Inject(FhirStore) private readonly store: FhirStore) {}

  /** What of an event was told before, as it was then; asked before the event is kept. */
  async before(event: ImagingEvent, { manager }: Transaction): Promise<ToldBefore[]> {
    const keys = carriedBy(event)
      .filter(({ resourceType }) => correctable.includes(resourceType))
      .map(({ resourceType: type, id }) => ({ type, id: id! }));
    return keys.length > 0 ? asToldBefore(await this.store.readMany(manager, keys)) : [];
  }

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
    // A patient's other allergies travel with them as well: only those of a reaction are told from here.
    const ofReactions =
      event.type === 'imaging.contrast.reaction-recorded.v1' ? ['AdverseEvent', 'AllergyIntolerance'] : [];
    const carried = carriedBy(standing).filter((one) => [...kept, ...ofReactions].includes(one.resourceType));
    await keepCopies(this.store, manager, carried, now);
    return standing;
  }
}

function carriedBy(event: ImagingEvent): FhirResource[] {
  return (event.data.entry ?? []).map(({ resource }) => resource).filter((one) => one !== undefined) as FhirResource[];
}
