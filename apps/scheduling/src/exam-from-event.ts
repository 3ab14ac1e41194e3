import { findResource, findResources, resourceFrom, type ImagingEvent } from '#events';
import type { OrderedExam } from './schedule-desk.js';

/** The order, patient and visit an order event carries. */
export function examFrom(event: ImagingEvent): OrderedExam {
  return {
    order: resourceFrom(event, 'ServiceRequest'),
    patient: resourceFrom(event, 'Patient'),
    encounter: findResource(event, 'Encounter'),
    allergies: findResources(event, 'AllergyIntolerance'),
  };
}
