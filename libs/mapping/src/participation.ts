import type { EncounterParticipant, Extension, ProvenanceAgent, Reference } from 'fhir/r4.js';
import type { Hl7Message, Segment } from '#hl7v2';
import { compact, conceptOf, entityFromEi, listOf, periodFrom } from './data-types.js';
import { organizationFromXon, personFromXcn, placeFromPl } from './references.js';
import { eachRepetition, type Surroundings } from './rows.js';

/** What a PRT may stand behind, and so is of (HL7 v2.8.2 chapter 7.4.4). */
const anchors = ['PID', 'PV1', 'ORC', 'OBR', 'OBX', 'TXA'];

/**
 * The participants (PRT) of each segment, from version 2.7 on: those the standard took out of ORC, OBR and OBX are told
 * so. One whose participation ends (PRT-2 D) is none.
 */
export function participantsOf(message: Hl7Message): Map<Segment, Segment[]> {
  const found = new Map<Segment, Segment[]>();
  let anchor: Segment | undefined;
  for (const segment of message.segments) {
    if (anchors.includes(segment.name)) anchor = segment;
    if (segment.name !== 'PRT' || !anchor || segment.get(2) === 'D') continue;
    found.set(anchor, [...(found.get(anchor) ?? []), segment]);
  }
  return found;
}

/** PRT-4, table 0912, by what each is to an order; whoever else takes part performs it, but not who only gets results. */
const orderRoles: Record<string, 'requester' | 'agent' | undefined> = {
  OP: 'requester',
  EP: 'agent',
  VP: 'agent',
  AUT: 'agent',
};
const getsResults = ['RCT'];
/** Who interprets the images: interpreters of a report (OBR-32 and OBR-33 of older versions). */
const interpreters = ['PI', 'PRI', 'AI', 'ARI'];
const agents: Record<string, string> = { EP: 'enterer', VP: 'verifier', AUT: 'author' };

/** Who ordered (OP). */
export function requesterFrom(prts: readonly Segment[], around: Surroundings): Reference | undefined {
  return prts.filter((prt) => orderRoles[roleOf(prt)] === 'requester').flatMap((prt) => whoOf(prt, around))[0];
}

/** Who is to perform an order, each with their role: a person, an organization or a device. */
export function performersFrom(prts: readonly Segment[], around: Surroundings): Reference[] {
  return prts
    .filter((prt) => orderRoles[roleOf(prt)] === undefined && !getsResults.includes(roleOf(prt)))
    .flatMap((prt) => withRole(prt, around));
}

/** Who performed, each with their role; a device is none of them. */
export function observersFrom(prts: readonly Segment[], around: Surroundings): Reference[] {
  return prts.flatMap((prt) => withRole(prt, around)).filter(({ type }) => type !== 'Device');
}

/** Who interpreted the images (PI, PRI, AI, ARI). */
export function interpretersFrom(prts: readonly Segment[], around: Surroundings): Reference[] {
  return prts.filter((prt) => interpreters.includes(roleOf(prt))).flatMap((prt) => whoOf(prt, around));
}

/** Where it is done, where a participant is a place only (PRT-9). */
export function placesFrom(prts: readonly Segment[]): Reference[] {
  return prts.flatMap((prt) => listOf(placeFromPl(prt, 9)).map((display) => ({ type: 'Location', display })));
}

/** What it is done with (PRT-10, else its UDI, PRT-16). */
export function deviceFrom(prts: readonly Segment[], around: Surroundings): Reference | undefined {
  return prts.flatMap((prt) => listOf(deviceOf(prt, around)))[0];
}

/** Who entered (EP), verified (VP) or wrote it (AUT), on behalf of the organization of the same segment. */
export function agentsFrom(prts: readonly Segment[], around: Surroundings): ProvenanceAgent[] {
  return prts.flatMap((prt) => {
    const code = agents[roleOf(prt)];
    if (!code) return [];
    const type = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code }] };
    const onBehalfOf = prt.get(5) ? organizationFromXon(prt, 8, around) : undefined;
    return whoOf(prt, around).map((who) => compact({ type, who, onBehalfOf }));
  });
}

/** Who takes part in a visit, in their role and as long as they do (PRT-11, PRT-12). */
export function visitorsFrom(prts: readonly Segment[], around: Surroundings): EncounterParticipant[] {
  return prts.flatMap((prt) =>
    peopleOf(prt, around).map((individual) =>
      compact({
        type: listOf(conceptOf(prt, 4, 'Participation')),
        period: periodFrom(prt, 11, 12, around),
        individual,
      }),
    ),
  );
}

/** The family doctor (PP, FHCP). */
export function generalPractitionersFrom(prts: readonly Segment[], around: Surroundings): Reference[] {
  return prts.filter((prt) => ['PP', 'FHCP'].includes(roleOf(prt))).flatMap((prt) => whoOf(prt, around));
}

function roleOf(prt: Segment): string {
  return prt.get(4) ?? '';
}

function withRole(prt: Segment, around: Surroundings): Reference[] {
  const valueCodeableConcept = conceptOf(prt, 4, 'Participation');
  const extension: Extension[] = valueCodeableConcept
    ? [{ url: 'http://hl7.org/fhir/StructureDefinition/event-performerFunction', valueCodeableConcept }]
    : [];
  return whoOf(prt, around).map((who) => compact({ ...who, extension }));
}

/** The people of a participation, else its organization, else its device. */
function whoOf(prt: Segment, around: Surroundings): Reference[] {
  const people = peopleOf(prt, around);
  return people.length > 0 ? people : listOf(organizationFromXon(prt, 8, around) ?? deviceOf(prt, around));
}

function peopleOf(prt: Segment, around: Surroundings): Reference[] {
  return eachRepetition(prt, 5, (repetition) => personFromXcn(prt, 5, around, repetition));
}

function deviceOf(prt: Segment, around: Surroundings): Reference | undefined {
  const identifier =
    entityFromEi(prt, 10, around) ?? (prt.get(16) ? { value: prt.get(16)!, system: undefined } : undefined);
  return identifier && { type: 'Device', identifier: compact(identifier) };
}
