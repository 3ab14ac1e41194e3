import type { CodeableConcept, Identifier, Quantity, Reference, ServiceRequest } from 'fhir/r4.js';
import type { FieldValue } from '#hl7v2';
import { conceptText, identifierOf } from '#fhir';
import { nameOfSystem } from './data-types.js';
import type { MessageEnvelope } from './message-out.js';

/** CE of a concept: its first two codes, each with its coding system by table 0396; the first one's words are the text. */
export function codedElement(concept: CodeableConcept | undefined): FieldValue {
  if (!concept) return undefined;
  const [first, second] = concept.coding ?? [];
  const other = second ? [second.code, second.display, nameOfSystem(second.system)] : [];
  return [first?.code, conceptText(concept) || undefined, nameOfSystem(first?.system), ...other];
}

/** CE of a unit of measure; one without a code is said in words. */
export function unitElement({ unit, code, system }: Quantity): FieldValue {
  return code ? [code, unit ?? code, nameOfSystem(system)] : ['', unit];
}

/** EI of a number, by the short name of its authority, else by its system as ISO or URI (table 0301). */
export function entityOf(identifier: Identifier | undefined, envelope: MessageEnvelope): FieldValue {
  if (!identifier?.value) return undefined;
  const name = envelope.namespaceOf(identifier.system);
  if (name || !identifier.system) return [identifier.value, name];
  const oid = /^urn:oid:(.+)$/.exec(identifier.system)?.[1];
  return oid ? [identifier.value, '', oid, 'ISO'] : [identifier.value, '', identifier.system, 'URI'];
}

/** XCN of a person by number and name; a name that is one text stands as the family name. */
export function personElement(person: Reference | undefined, envelope: MessageEnvelope): FieldValue {
  const { identifier, display } = person ?? {};
  if (!identifier?.value && !display) return undefined;
  return [identifier?.value, display, '', '', '', '', '', '', envelope.namespaceOf(identifier?.system)];
}

/** The numbers of an order as a message names it: the placer's, ours as filler, and the accession number. */
export function orderNumbers(order: ServiceRequest | undefined, envelope: MessageEnvelope) {
  const [placer, filler, accession] = (['PLAC', 'FILL', 'ACSN'] as const).map(
    (type) => identifierOf(order, type)?.value && identifierOf(order, type),
  );
  const own = filler || accession;
  return {
    placer: (placer ? [placer.value, envelope.namespaceOf(placer.system)] : undefined) as FieldValue,
    filler: (own ? [own.value, envelope.sendingApplication] : undefined) as FieldValue,
    accession: accession ? accession.value : undefined,
  };
}
