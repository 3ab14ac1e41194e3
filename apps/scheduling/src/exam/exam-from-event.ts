import type { Encounter, Patient, ServiceRequest } from 'fhir/r4.js';
import { findResource, findResources, resourceFrom, type ImagingEvent } from '#events';
import type { Clinical } from '../patient-state.js';

/** An order and whom it is for, as an event brought them. */
export interface OrderedExam {
  patient: Patient;
  order: ServiceRequest;
  encounter?: Encounter;
  clinical?: Clinical[];
}

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
