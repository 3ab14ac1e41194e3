import type { Appointment, MedicationAdministration } from 'fhir/r4.js';
import { conceptText, extensions, referencedId } from '#fhir';
import { stationByAeTitle, type Site } from '#platform';
import { GTIN_SYSTEM } from '../administration/complete-from-barcode.js';
import { medicationOf } from '../administration/read-administration.js';
import { gtin14Of } from '../barcodes/gtin.js';
import { wasGiven } from '../contrast-plan.decider.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { agentOf } from '../screening/planned-contrast.js';
import type { Lot } from './lot.js';
import type { Package } from './packages.js';
import { microlitresOf } from './volume.js';

/** Identifier of an opened container, on the Medication of what came from it. */
export const CONTAINER = 'urn:collimator:supply-container';
/** Systems of a GTIN: by GS1's address, and by its OID. */
const gtinSystems = [GTIN_SYSTEM, 'urn:oid:1.3.160'];

/** What an administration says of where its contrast came from. */
export interface StatedSupply {
  examId: string;
  orderId: string | undefined;
  lotNumber: string;
  gtin: string | undefined;
  /** Name of the agent in the policy. */
  agent: string | undefined;
  containerId: string | undefined;
  /** Last day by what was read off the package, `YYYY-MM-DD`. */
  expiresOn: string | undefined;
  /** Where it was said. */
  room: string | undefined;
  /** Microlitres that were given; 0 where nothing was, undefined where that was not said in a unit of volume. */
  volume: number | undefined;
  at: Date | undefined;
}

/**
 * Reads where what was given came from: lot number, GTIN and opened container of the contained Medication, the room where
 * the administration says one, and the volume.
 *
 * @returns undefined where it names no lot
 */
export function statedSupply(
  administration: MedicationAdministration,
  policy: ContrastPolicy | undefined,
): StatedSupply | undefined {
  const medication = medicationOf(administration);
  const lotNumber = medication?.batch?.lotNumber?.trim();
  if (!medication?.batch || !lotNumber) return undefined;
  const { identifier = [], code } = medication;
  const numbers = [...identifier, ...(code?.coding ?? []).map(({ system, code: value }) => ({ system, value }))];
  const gtin = numbers
    .filter(({ system }) => gtinSystems.includes(system!))
    .map(({ value }) => gtin14Of(value ?? ''))
    .find((one) => one !== undefined);
  const [order] = administration.supportingInformation ?? [];
  const given = wasGiven(administration);
  const at = Date.parse(administration.effectiveDateTime ?? administration.effectivePeriod?.start ?? '');
  return {
    examId: referencedId(administration.request?.reference, 'MedicationRequest')!,
    orderId: referencedId(order?.reference, 'ServiceRequest'),
    lotNumber,
    gtin,
    agent: policy && agentOf(code?.coding ?? [], conceptText(code), policy)?.display,
    containerId: identifier.find(({ system }) => system === CONTAINER)?.value,
    expiresOn: medication.batch.expirationDate && lastDay(medication.batch.expirationDate),
    room: administration.extension?.find(({ url }) => url === extensions.supplyRoom)?.valueString,
    volume: given ? microlitresOf(administration.dosage?.dose) : 0,
    at: Number.isNaN(at) ? undefined : new Date(at),
  };
}

/**
 * The lot that is meant: by GTIN and number, or, without a GTIN, the only one with this number of the agent's packages.
 *
 * @param numbered every lot with the number
 */
export function lotMeant(
  { gtin, agent }: Pick<StatedSupply, 'gtin' | 'agent'>,
  numbered: readonly Lot[],
  packages: ReadonlyMap<string, Package>,
): Lot | 'ambiguous' | undefined {
  if (gtin) return numbered.find((one) => one.gtin === gtin);
  const possible = agent ? numbered.filter((one) => packages.get(one.gtin)?.agent === agent) : numbered;
  return possible.length > 1 ? 'ambiguous' : possible[0];
}

/**
 * The room of an exam: of the station whose step has begun or is over, the one nearest to the time; else of the step that
 * is nearest to it. Undefined where the exam has no step at a station of the site.
 */
export function roomOfExam(appointments: readonly Appointment[], at: Date, site: Site): string | undefined {
  const rank = ({ status }: Appointment) => (['arrived', 'fulfilled'].includes(status) ? 0 : 1);
  const distance = ({ start }: Appointment) => Math.abs(Date.parse(start ?? '') - at.getTime()) || Infinity;
  const placed = appointments.flatMap((one) => {
    const aeTitle = one.extension?.find(({ url }) => url === extensions.stationAeTitle)?.valueString;
    const room = stationByAeTitle(site, aeTitle)?.room;
    return room && one.status !== 'entered-in-error' && one.status !== 'cancelled' ? [{ one, room }] : [];
  });
  placed.sort((a, b) => rank(a.one) - rank(b.one) || Math.sign(distance(a.one) - distance(b.one)) || 0);
  return placed[0]?.room;
}

/** A FHIR date as a day: of a year or a month its last one, of a time its own. */
export function lastDay(written: string): string {
  if (written.length === 4) return `${written}-12-31`;
  if (written.length > 7) return written.slice(0, 10);
  const [year, month] = written.split('-').map(Number) as [number, number];
  return new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10);
}
