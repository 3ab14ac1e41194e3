import { contentError, type Hl7Message, type Segment } from '#hl7v2';
import { entityFromEi, systemOfHd } from './data-types.js';
import { missing } from './envelope.js';
import { participantsOf } from './participation.js';
import type { Surroundings } from './rows.js';

/** The segments of one order: its ORC and what follows up to the next order. */
export interface OrderGroup {
  orc: Segment;
  /** A further OBR behind one ORC is an order of its own: what the ORC numbers is only the first. */
  isFurther: boolean;
  obr?: Segment;
  tq1?: Segment;
  zds?: Segment;
  ipc: Segment[];
  notes: Segment[];
  diagnoses: Segment[];
  /** Who takes part in it (PRT). */
  participants: Segment[];
}

/**
 * The orders of ORM^O01, OMG^O19 or OMI^O23, in their order.
 *
 * @throws Hl7Refusal 101 where a further OBR of one ORC has no placer order number (OBR-2) of its own
 */
export function groupsOf(message: Hl7Message): OrderGroup[] {
  const groups: OrderGroup[] = [];
  for (const segment of message.segments) {
    if (segment.name === 'ORC') groups.push({ orc: segment, isFurther: false, ...nothing() });
    let group = groups.at(-1);
    if (!group) continue;
    if (segment.name === 'OBR') {
      if (group.obr) groups.push((group = furtherGroup(group, segment)));
      group.obr = segment;
    }
    if (segment.name === 'TQ1') group.tq1 ??= segment;
    if (segment.name === 'ZDS') group.zds ??= segment;
    if (segment.name === 'IPC') group.ipc.push(segment);
    if (segment.name === 'DG1') group.diagnoses.push(segment);
    if (segment.name === 'NTE' && group.obr) group.notes.push(segment);
  }
  const participants = participantsOf(message);
  const ofSegment = (segment: Segment | undefined) => (segment && participants.get(segment)) ?? [];
  return groups.map((group) => ({ ...group, participants: [...ofSegment(group.orc), ...ofSegment(group.obr)] }));
}

function nothing(): Pick<OrderGroup, 'ipc' | 'notes' | 'diagnoses' | 'participants'> {
  return { ipc: [], notes: [], diagnoses: [], participants: [] };
}

function furtherGroup({ orc, obr, tq1 }: OrderGroup, further: Segment): OrderGroup {
  const number = further.get(2);
  if (!number || number === (orc.get(2) ?? obr?.get(2)))
    throw contentError(
      101,
      'a further OBR of one ORC needs a placer order number (OBR-2) of its own: give it one, or an ORC',
      further.at(2),
    );
  return { orc, isFurther: true, tq1, ...nothing() };
}

/** Where an order's placer order number stands: ORC-2, else OBR-2. @throws Hl7Refusal 101 without one */
export function placerOf({ orc, obr, isFurther }: OrderGroup, around: Surroundings) {
  const placer = (isFurther ? undefined : entityFromEi(orc, 2, around)) ?? entityFromEi(obr, 2, around);
  if (!placer) throw missing('ORC', 2, 'placer order number', orc.sequence);
  return placer;
}

/** An order's filler order number: ORC-3, else OBR-3; undefined without one. */
export function fillerOf({ orc, obr, isFurther }: OrderGroup, around: Surroundings) {
  return (isFurther ? undefined : entityFromEi(orc, 3, around)) ?? entityFromEi(obr, 3, around);
}

/** The placer order number of the parent order (ORC-8, data type EIP: its first component is an EI). */
export function parentOf({ orc }: OrderGroup, around: Surroundings) {
  const value = orc.get(8);
  const [namespaceId, universalId, type] = [2, 3, 4].map((part) => orc.get(8, 1, part));
  return value ? { value, system: systemOfHd(around, namespaceId, universalId, type) } : undefined;
}
