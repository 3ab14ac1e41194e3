import type { AdverseEvent, CodeableConcept, Coding, Extension, Medication } from 'fhir/r4.js';
import { extensions, referencedId, systems, uuidFrom, validateResource } from '#fhir';
import { fail, type Failure } from '#platform';
import type { ReactionKind } from '../policy/after-contrast-policy.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { hasWords } from '../screening/words.js';

export type ReactionSeverity = 'mild' | 'moderate' | 'severe';

const SEVERITY = 'http://terminology.hl7.org/CodeSystem/adverse-event-severity';
const kinds: readonly ReactionKind[] = ['allergic-like', 'physiologic', 'extravasation', 'unknown'];

/**
 * Reads an AdverseEvent from outside: a reaction to contrast, or an extravasation. It must say under which number its
 * sender knows it, how severe it was, when it began, who recorded it, what was seen (of which one at least can be
 * coded), and to what it was: an administration recorded here, a contained Medication with its code, or the exam. Of one
 * that was recorded in error only the number is asked.
 *
 * @throws Failure field-missing, field-invalid, value-unknown with the FHIRPath of the element
 */
export function readReaction(body: unknown, policy: ContrastPolicy | undefined): AdverseEvent {
  const stated = validateResource(body, 'AdverseEvent');
  const { identifier } = stated;
  if (!identifier?.system || !identifier.value)
    throw missing('identifier', 'system and value of the number under which your system knows it');
  const id = uuidFrom('AdverseEvent', identifier.system, identifier.value);
  const reaction = { ...stated, id, meta: undefined };
  if (isInError(stated)) return reaction;
  if (stated.actuality !== 'actual')
    throw invalid('actuality', 'must be actual: what might have happened is no reaction');
  if (!severityStated(stated)) throw missing('severity', `mild, moderate or severe of ${SEVERITY}`);
  if (!stated.date?.includes('T')) throw missing('date', 'when it began, with a time and zone');
  const { recorder } = stated;
  if (!recorder?.reference && !recorder?.display && !recorder?.identifier?.value)
    throw missing('recorder', 'who recorded it: a reference, an identifier or a display');
  const kind = kindStated(stated);
  if (kind !== undefined && !kinds.includes(kind as ReactionKind))
    throw invalid('event', `must have one of ${kinds.join(', ')} of ${systems.reactionKind}`);
  if (suspectsOf(stated).length === 0 && !orderOf(stated))
    throw missing(
      'suspectEntity',
      'instance MedicationAdministration/<id>, a contained Medication with its code, Procedure/<id>, or the order by event-basedOn',
    );
  return kindOf(stated) === 'extravasation' ? reaction : withCodes(reaction, policy);
}

/** True for one that never was. */
export function isInError({ modifierExtension }: AdverseEvent): boolean {
  return (
    modifierExtension?.some(({ url, valueBoolean }) => url === extensions.enteredInError && valueBoolean === true) ??
    false
  );
}

/** What kind of reaction; unknown where nobody said. */
export function kindOf(reaction: AdverseEvent): ReactionKind {
  return (kindStated(reaction) as ReactionKind | undefined) ?? 'unknown';
}

/** How severe it counts: what makes every reaction severe by the policy does so whatever else was said. */
export function severityOf(reaction: AdverseEvent, policy: ContrastPolicy | undefined): ReactionSeverity {
  const severe = policy?.allergies.severeManifestations;
  const isSevere = (one: CodeableConcept) =>
    severe !== undefined &&
    ((one.coding ?? []).some(({ system, code }) =>
      severe.codes.some((known) => known.system === system && known.code === code),
    ) ||
      textsOf(one).some((text) => severe.names.some((name) => hasWords(text, name))));
  return manifestationsOf(reaction).some(isSevere) ? 'severe' : severityStated(reaction)!;
}

/** What was seen of it. */
export function manifestationsOf({ extension = [] }: AdverseEvent): CodeableConcept[] {
  return extension.flatMap(({ url, valueCodeableConcept }) =>
    url === extensions.manifestation && valueCodeableConcept ? [valueCodeableConcept] : [],
  );
}

/** The order of the exam, as far as it is stated. */
export function orderOf({ extension = [] }: AdverseEvent): string | undefined {
  const based = extension.find(({ url }) => url === extensions.basedOn);
  return referencedId(based?.valueReference?.reference, 'ServiceRequest');
}

/** Id of the first suspected thing of a type. */
export function suspectOf(reaction: AdverseEvent, type: 'MedicationAdministration' | 'Procedure'): string | undefined {
  return suspectsOf(reaction).flatMap((one) => referencedId(one, type) ?? [])[0];
}

/** The agent as the reaction itself names it, by a contained Medication. */
export function agentStated(reaction: AdverseEvent): CodeableConcept | undefined {
  const contained = (reaction.contained ?? []).filter((one): one is Medication => one.resourceType === 'Medication');
  return contained.find(({ id }) => suspectsOf(reaction).includes(`#${id}`))?.code;
}

function suspectsOf(reaction: AdverseEvent): string[] {
  const named = new Set(
    (reaction.contained ?? []).flatMap((one) =>
      one.resourceType === 'Medication' && isNamed((one as Medication).code) ? [`#${one.id}`] : [],
    ),
  );
  return (reaction.suspectEntity ?? []).flatMap(({ instance }) => {
    const reference = instance?.reference ?? '';
    const isKnown =
      /^(MedicationAdministration|Procedure)\/[A-Za-z0-9.-]{1,64}$/.test(reference) || named.has(reference);
    return isKnown ? [reference] : [];
  });
}

function isNamed(concept: CodeableConcept | undefined): boolean {
  return textsOf(concept).length > 0 || (concept?.coding?.some(({ code }) => code) ?? false);
}

function severityStated({ severity }: AdverseEvent): ReactionSeverity | undefined {
  const code = severity?.coding?.find(({ system }) => system === SEVERITY)?.code;
  return code === 'mild' || code === 'moderate' || code === 'severe' ? code : undefined;
}

function kindStated({ event }: AdverseEvent): string | undefined {
  return event?.coding?.find(({ system }) => system === systems.reactionKind)?.code;
}

/** What the policy's table knows by a code or a word gets its SNOMED CT code beside what was said. */
function withCodes(reaction: AdverseEvent, policy: ContrastPolicy | undefined): AdverseEvent {
  const at = (reaction.extension ?? []).findIndex(({ url }) => url === extensions.manifestation);
  if (at < 0) throw missing('extension', `what was seen: ${extensions.manifestation} with valueCodeableConcept`);
  const extension = reaction.extension!.map((one): Extension => {
    if (one.url !== extensions.manifestation || !one.valueCodeableConcept) return one;
    return { ...one, valueCodeableConcept: coded(one.valueCodeableConcept, policy) };
  });
  const isCoded = extension.some(
    ({ url, valueCodeableConcept }) => url === extensions.manifestation && hasSnomed(valueCodeableConcept),
  );
  if (isCoded) return { ...reaction, extension };
  const field = `AdverseEvent.extension[${at}].valueCodeableConcept`;
  throw fail(
    'value-unknown',
    `${field} must have a SNOMED CT code, or a word of the policy's table: one of all at least`,
    { field },
  );
}

function coded(stated: CodeableConcept, policy: ContrastPolicy | undefined): CodeableConcept {
  if (hasSnomed(stated)) return stated;
  const texts = [...textsOf(stated), ...(stated.coding ?? []).flatMap(({ code }) => code ?? [])].map((one) =>
    one.trim().toLowerCase(),
  );
  const known = policy?.reactions?.manifestations.find(({ display, names }) =>
    [display, ...names].some((one) => texts.includes(one.toLowerCase())),
  );
  if (!known) return stated;
  const coding: Coding = { system: systems.snomed, code: known.code, display: known.display };
  return { ...stated, coding: [coding, ...(stated.coding ?? [])] };
}

function hasSnomed(concept: CodeableConcept | undefined): boolean {
  return (
    concept?.coding?.some(({ system, code = '' }) => system === systems.snomed && /^\d{6,18}$/.test(code)) ?? false
  );
}

function textsOf(concept: CodeableConcept | undefined): string[] {
  return [concept?.text, ...(concept?.coding ?? []).map(({ display }) => display)].flatMap((one) => one ?? []);
}

function missing(path: string, what: string): Failure {
  const field = `AdverseEvent.${path}`;
  return fail('field-missing', `${field} is required: ${what}`, { field });
}

function invalid(path: string, what: string): Failure {
  const field = `AdverseEvent.${path}`;
  return fail('field-invalid', `${field} ${what}`, { field });
}
