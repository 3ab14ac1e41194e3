import type { Identifier, ServiceRequest } from 'fhir/r4.js';
import { extensionsOn, identifierOf, studyInstanceUidOf, systems, type Profile } from '#fhir';
import { procedureNamed, type Site } from '#platform';
import { COMPLETE, isComplete, quoted, understood, used } from './profile-parts.js';

/** The procedures of the site, by our codes and the others the site file names. */
export const procedureValueSet = 'urn:collimator:value-set:procedure';
/** The placer order number of an order: the one that says it is, else the first that says nothing of its kind. */
export function placerNumberOf(order: ServiceRequest): Identifier | undefined {
  return identifierOf(order, 'PLAC') ?? order.identifier?.find((one) => !one.type && isComplete(one));
}

const ORDERED = ['order', 'original-order', 'reflex-order', 'filler-order', 'instance-order'];

/** What is asked of an order: it names its placer's number and a procedure of the site, and is to be done. */
export function orderProfile(site: Site): Profile<ServiceRequest> {
  const codes = site.procedures.map(({ code }) => code);
  const others = site.procedures.flatMap(({ codes: named }) => named);
  const oneOf = (all: readonly string[]) => `${quoted(`|${all.join('|')}|`)}.contains('|' & code & '|')`;
  const systemsNamed = [...new Set(others.map(({ system }) => system))];
  const byOthers = systemsNamed.map(
    (system) =>
      `(system = ${quoted(system)} and ${oneOf(others.filter((one) => one.system === system).map(({ code }) => code))})`,
  );
  return {
    id: 'imaging-order',
    type: 'ServiceRequest',
    title: 'Imaging order',
    description: `An order for an exam of ${site.name}, as its orders service takes it in by FHIR.`,
    elements: [
      ...understood,
      { element: 'identifier', min: 1, mustSupport: true, why: 'the placer order number is the identity of the order' },
      {
        element: 'code',
        min: 1,
        mustSupport: true,
        binding: { strength: 'extensible', valueSet: procedureValueSet, description: 'The procedures of this site' },
        why: 'it says which exam is to be done',
      },
      { element: 'subject', mustSupport: true, why: 'whose exam it is' },
      ...used(
        'what is to be done, when, and for whom',
        'basedOn',
        'replaces',
        'status',
        'intent',
        'priority',
        'doNotPerform',
        'orderDetail',
        'encounter',
        'occurrence[x]',
        'authoredOn',
        'requester',
        'locationCode',
        'bodySite',
        'note',
        'patientInstruction',
      ),
      ...used(
        'why it is asked for, and what is to be known',
        'reasonCode',
        'reasonReference',
        'insurance',
        'supportingInfo',
      ),
    ],
    rules: [
      {
        key: 'order-placer-number',
        element: 'identifier',
        reads: ['identifier'],
        code: 'field-missing',
        human: 'must hold the placer order number: type PLAC, with system and value',
        // The one of type PLAC counts where there is one.
        expression: `iif(identifier.where(type.coding.where(code = 'PLAC').exists()).exists(), identifier.where(type.coding.where(code = 'PLAC').exists()).first(), identifier.where(type.empty() and ${COMPLETE}).first()).where(${COMPLETE}).exists()`,
        holds: (one) => isComplete(placerNumberOf(one)),
      },
      {
        key: 'order-procedure',
        element: 'code.coding',
        reads: ['code'],
        code: 'value-unknown',
        human: 'holds no procedure of this site: add it to procedures in the site file',
        expression: `code.coding.where(${[`(code.exists() and ${oneOf(codes)})`, ...byOthers].join(' or ')}).exists()`,
        holds: ({ code }) => procedureNamed(site, code?.coding ?? []) !== undefined,
      },
      {
        key: 'order-accession-number',
        element: 'identifier',
        reads: ['identifier'],
        code: 'field-invalid',
        human: 'the accession number must have 1 to 16 characters and no backslash (DICOM VR SH)',
        expression: String.raw`identifier.where(type.coding.where(code = 'ACSN').exists()).first().value.all($this.matches('^[^\\\\\\x00-\\x1F\\x7F-\\x9F]{1,16}$'))`,
        holds: (one) => /^([^\\\p{Cc}]{1,16})?$/u.test(identifierOf(one, 'ACSN')?.value ?? ''),
      },
      {
        key: 'order-study-uid',
        element: 'identifier',
        reads: ['identifier'],
        code: 'field-invalid',
        human: 'the study instance UID must be urn:oid: and a DICOM UID',
        expression: String.raw`identifier.where(system = '${systems.dicomUid}').first().value.all($this.matches('^(urn:oid:)?[0-2](\\.(0|[1-9][0-9]*))+$') and $this.replaceMatches('^urn:oid:', '').length() <= 64)`,
        holds: (one) => isDicomUid(studyInstanceUidOf(one)),
      },
      {
        key: 'order-subject',
        element: 'subject',
        reads: ['subject'],
        code: 'field-invalid',
        human: 'must be Patient/<id> of this server, or an identifier with system and value',
        expression: `subject.reference.exists() or subject.identifier.where(${COMPLETE}).exists()`,
        holds: ({ subject }) => Boolean(subject.reference) || isComplete(subject.identifier),
      },
      {
        key: 'order-intent',
        element: 'intent',
        reads: ['intent'],
        code: 'field-invalid',
        human: `must be one of ${ORDERED.join(', ')}: what is only proposed or planned is no order`,
        expression: `${quoted(`|${ORDERED.join('|')}|`)}.contains('|' & intent & '|')`,
        holds: ({ intent }) => ORDERED.includes(intent),
      },
      {
        key: 'order-to-perform',
        element: 'doNotPerform',
        reads: ['doNotPerform'],
        code: 'field-invalid',
        human: 'must not be true: this server takes orders of what is to be done',
        expression: 'doNotPerform.empty() or doNotPerform = false',
        holds: ({ doNotPerform }) => doNotPerform !== true,
      },
    ],
    extensions: extensionsOn('ServiceRequest'),
  };
}

/** DICOM PS3.5 section 9.1. */
function isDicomUid(uid: string | undefined): boolean {
  return uid === undefined || (uid.length <= 64 && /^[0-2](\.(0|[1-9]\d*))+$/.test(uid));
}
