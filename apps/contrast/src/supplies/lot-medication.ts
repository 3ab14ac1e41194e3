import type { Coding, Medication, Ratio } from 'fhir/r4.js';
import { extensions, uuidFrom } from '#fhir';
import { GTIN_SYSTEM } from '../administration/complete-from-barcode.js';
import { millilitresOf } from './volume.js';
import type { Lot } from './lot.js';
import type { Package } from './packages.js';

const UCUM = 'http://unitsofmeasure.org';

/** Identity of a lot: the package's GTIN, and the number printed on it. */
export function lotIdOf(gtin: string, lotNumber: string): string {
  return uuidFrom('Medication', gtin, lotNumber);
}

/** Identity of an agent's stock in a room, by which its events are in order. */
export function agentInRoomIdOf(agent: string, room: string): string {
  return uuidFrom('Medication', 'stock', agent, room);
}

/**
 * A lot as FHIR has it (R4 Medication); one that is recalled is inactive, and says why.
 *
 * @param of undefined where the policy does not have its package (any more)
 */
export function medicationOf(lot: Lot, of: Package | undefined): Medication {
  return {
    resourceType: 'Medication',
    id: lot.id,
    ...(lot.recalled ? { extension: [{ url: extensions.recallReason, valueString: lot.recalled.reason }] } : {}),
    identifier: [{ system: GTIN_SYSTEM, value: lot.gtin }],
    ...(of ? { code: { coding: codingsOf(of), text: of.product } } : {}),
    status: lot.recalled ? 'inactive' : 'active',
    ...(of ? contentOf(of) : {}),
    batch: { lotNumber: lot.lotNumber, ...(lot.expiresOn ? { expirationDate: lot.expiresOn } : {}) },
  };
}

/** An agent in a room, for who is told that little of it is left. */
export function agentMedication(of: Package, room: string, onHand: { volume: number; containers: number }): Medication {
  return {
    resourceType: 'Medication',
    id: agentInRoomIdOf(of.agent, room),
    extension: [
      {
        url: extensions.stockVolume,
        valueQuantity: { value: millilitresOf(onHand.volume), unit: 'mL', system: UCUM, code: 'mL' },
      },
      { url: extensions.stockContainers, valueInteger: onHand.containers },
    ],
    code: { coding: codingsOf(of), text: of.agent },
    status: 'active',
  };
}

function codingsOf({ agent, agentCodes }: Package): Coding[] {
  return agentCodes.map((one) => ({ ...one, display: agent }));
}

function contentOf({ agent, packing, concentration }: Package): Pick<Medication, 'amount' | 'ingredient'> {
  return {
    amount: ratio(millilitresOf(packing.size), 'mL', 'container'),
    ingredient: [{ itemCodeableConcept: { text: agent }, isActive: true, strength: strengthOf(concentration) }],
  };
}

function strengthOf({ value, unit }: Package['concentration']): Ratio {
  const [amount = unit, per = 'mL'] = unit.split('/');
  return ratio(value, amount, per);
}

function ratio(value: number, unit: string, per: string): Ratio {
  return { numerator: { value, unit }, denominator: { value: 1, unit: per } };
}
