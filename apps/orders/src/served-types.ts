import type { ServedTypes } from '#fhir';

const byBundle =
  'Written by a transaction Bundle with an order. POST of what is known already adds to it; PUT replaces it, but the numbers it is known by elsewhere stay.';

/** What the orders service serves by FHIR; its CapabilityStatement says the same. */
export const servedTypes: ServedTypes = {
  Patient: {
    search: ['_id', 'identifier', '_lastUpdated'],
    documentation: `${byBundle} The links a merge made stay as well.`,
  },
  Encounter: { search: ['_id', 'identifier', 'patient', '_lastUpdated'], documentation: byBundle },
  AllergyIntolerance: { search: ['_id', 'identifier', 'patient', '_lastUpdated'], documentation: byBundle },
  Condition: { search: ['_id', 'identifier', 'patient', 'encounter', '_lastUpdated'], documentation: byBundle },
  Coverage: { search: ['_id', 'identifier', 'patient', '_lastUpdated'], documentation: byBundle },
  Observation: { search: ['_id', 'identifier', 'patient', 'status', 'code', '_lastUpdated'], documentation: byBundle },
  Provenance: {
    search: ['_id', 'patient', 'target', '_lastUpdated'],
    documentation: 'Who entered and verified an order, or told of an admission, where a message says it.',
  },
  Task: {
    search: ['_id', 'patient', 'status', 'code', 'focus', 'based-on', 'business-status', '_lastUpdated'],
    includes: ['patient', 'focus', 'based-on'],
    interactions: ['update'],
    documentation:
      'Of an update the status alone is read. A Task `fulfill` says how far an order is, from its booking on; `cancelled`, `on-hold` and `accepted` cancel, hold and release the order. A Task `clarify` asks the placer about a doubt; `completed` releases the order as it is.',
  },
  ServiceRequest: {
    search: ['_id', 'identifier', 'patient', 'status', 'code', 'authored', 'encounter', 'based-on', '_lastUpdated'],
    includes: ['patient', 'encounter'],
    reverseIncludes: ['Task:focus', 'Task:based-on'],
    interactions: ['create', 'update'],
    conditionalCreate: true,
    conditionalUpdate: true,
    documentation:
      'Conditional create and update are by the placer order number. An update says what the order is from now on: what it leaves out is no more, the numbers assigned here stay; status `revoked` cancels, `on-hold` holds, `active` releases.',
  },
};
