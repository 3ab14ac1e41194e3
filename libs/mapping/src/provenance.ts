import type { Meta, Provenance, ProvenanceAgent, Reference } from 'fhir/r4.js';
import type { Hl7Message, Segment } from '#hl7v2';
import { systems, uuidFrom } from '#fhir';
import { compact, conceptFromCwe, conceptOf, dateTimeFrom, instantFrom, listOf } from './data-types.js';
import type { OrderControl } from './order-control.js';
import { numberIn, organizationFromCwe, personFromXcn, placeFromXon } from './references.js';
import { eachRepetition, type Surroundings } from './rows.js';
import activities from './tables/provenance-activity.json' with { type: 'json' };

const agentType = (code: string) => ({
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code }],
});

/**
 * Who entered, verified, ordered and carried out what is asked of an order (IG segment map ORC[Provenance]); undefined
 * where the message names none but who ordered it, whom the order itself names, and where it says no time: FHIR wants
 * the instant it was recorded, and a time is never made up. Of each role what PRT says is beside what ORC says.
 *
 * @param others agents that PRT segments name
 */
export function provenanceOfOrder(
  { orc, control, header }: { orc: Segment; control: OrderControl; header: Segment },
  {
    target,
    meta,
    others = [],
  }: { target: readonly string[]; meta?: Meta | undefined; others?: readonly ProvenanceAgent[] },
  around: Surroundings,
): Provenance | undefined {
  const people = (field: number, code: string) =>
    agentsOf(orc, field, around).map((who) => ({ type: agentType(code), who }));
  const organization = organizationFromCwe(orc, 17, around);
  const named = people(10, 'enterer');
  const onBehalfOf = organization ? { onBehalfOf: organization } : {};
  // An organization that entered it, with nobody named, entered it itself.
  const entered =
    named.length > 0
      ? named.map((one) => ({ ...one, ...onBehalfOf }))
      : listOf(organization).map((who) => ({ type: agentType('enterer'), who }));
  const device = conceptFromCwe(orc, 18);
  const acted = [
    ...entered,
    ...people(11, 'verifier'),
    ...people(19, 'performer'),
    ...(device ? [{ who: compact({ type: 'Device', identifier: numberIn(orc, 18), display: device.text }) }] : []),
    ...others,
  ];
  if (acted.length === 0) return undefined;
  const code = activities[control];
  return provenance('ORC', {
    target,
    meta,
    recorded: instantFrom(orc, 9, around) ?? instantFrom(header, 7, around),
    occurredDateTime: dateTimeFrom(orc, 9, around),
    activity: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-DataOperation', code }] },
    agent: [...acted, ...people(12, 'author')],
    location: placeFromXon(orc, 21, around),
  });
}

/**
 * Who told of an admission (IG segment map EVN[Provenance]); undefined where EVN-5 names nobody, or EVN-2 no time. The
 * guide says it of the MessageHeader, we say it of what is stored.
 */
export function provenanceOfEvent(
  message: Hl7Message,
  target: readonly string[],
  around: Surroundings,
): Provenance | undefined {
  const evn = message.first('EVN');
  const agent = evn ? agentsOf(evn, 5, around).map((who) => ({ who })) : [];
  if (!evn || agent.length === 0) return undefined;
  const facility = [1, 2].map((component) => evn.get(7, component)).find((one) => one !== undefined);
  return provenance('EVN', {
    target,
    recorded: instantFrom(evn, 2, around) ?? instantFrom(message.header, 7, around),
    occurredDateTime: dateTimeFrom(evn, 6, around),
    activity: {
      coding: [
        { system: `${systems.hl7Table}0003`, code: message.type.split('^')[1]!, display: `event - ${message.type}` },
      ],
    },
    reason: listOf(conceptOf(evn, 4, 'EventReason')),
    agent,
    location: facility ? { type: 'Location', display: facility } : undefined,
  });
}

/** Identity is what is said, so that the same message twice says it once. */
function provenance(
  kind: string,
  {
    target,
    meta,
    ...said
  }: Omit<Partial<Provenance>, 'target'> & { target: readonly string[]; agent: ProvenanceAgent[] },
): Provenance | undefined {
  const { recorded, activity, agent } = said;
  if (!recorded) return undefined;
  return compact<Provenance>({
    resourceType: 'Provenance',
    id: uuidFrom('Provenance', kind, ...target, recorded, JSON.stringify([activity, agent])),
    meta,
    target: target.map((reference) => ({ reference })),
    ...said,
    recorded,
  });
}

function agentsOf(segment: Segment, field: number, around: Surroundings): Reference[] {
  return eachRepetition(segment, field, (repetition) => personFromXcn(segment, field, around, repetition));
}
