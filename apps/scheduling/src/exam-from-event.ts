import { findResource, findResources, resourceFrom, type ImagingEvent } from '#events';
import type { OrderedExam } from './schedule-desk.js';
import type { Clinical } from './patient-state.js';

/** The order, patient and visit an order event carries. */
export function examFrom(event: ImagingEvent): OrderedExam {
  return {
    order: resourceFrom(event, 'ServiceRequest'),
    patient: resourceFrom(event, 'Patient'),
    encounter: findResource(event, 'Encounter'),
    clinical: clinicalFrom(event),
  };
}

/** What an event says of its patient's state, as far as a worklist has a place for it. */
export function clinicalFrom(event: ImagingEvent): Clinical[] {
  return [...findResources(event, 'AllergyIntolerance'), ...findResources(event, 'Observation')];
}
