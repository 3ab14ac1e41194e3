import { DateTime } from 'luxon';
import { remainingOf, type OpenedContainer } from './stock.js';
import type { Packing } from './use.decider.js';

/** One lot of one package, by its GTIN. */
export interface Lot {
  /** Id of its Medication. */
  id: string;
  gtin: string;
  lotNumber: string;
  /** Last day on which it may be given, `YYYY-MM-DD`; undefined while nobody has said. */
  expiresOn?: string | undefined;
  recalled?: { at: Date; reason: string } | undefined;
}

/** Why something may not be given. */
export interface Objection {
  code:
    | 'lot-unknown'
    | 'lot-ambiguous'
    | 'lot-recalled'
    | 'lot-expired'
    | 'expiry-unknown'
    | 'container-unknown'
    | 'container-of-another-lot'
    | 'container-of-another-exam'
    | 'container-discarded'
    | 'container-overdue'
    | 'container-empty'
    | 'container-doses'
    | 'room-unknown'
    | 'volume-unknown';
  /** For the person with the bottle in their hand. */
  reason: string;
}

/** What an objection may rest on beside the lot. */
export interface Given {
  at: Date;
  /** The site's: an expiry date is a day of it. */
  timeZone: string;
  packing?: Packing & { openDoses?: number | undefined };
  /** The opened container it is to come from, and how many administrations came from it before. */
  container?: (OpenedContainer & { lotId: string; doses: number }) | undefined;
  /** A container was named that is not known. */
  isContainerUnknown?: boolean;
  examId?: string | undefined;
  /** Several lots could be meant. */
  isAmbiguous?: boolean;
  /** False where nobody writes down what comes in: then no lot is known, and that says nothing. */
  isStockKept?: boolean;
  /** Last day as whoever gives it read it off the package, `YYYY-MM-DD`: it counts where the lot is not known. */
  statedExpiry?: string | undefined;
}

/**
 * Why nothing of a lot, or of an opened container of it, may be given at that time; empty if nothing is against it. A
 * recall counts from when it was known here. What does not expire because nobody told its expiry may not be given either.
 *
 * @param lot undefined for one that was never received here
 */
export function lotObjections(lot: Lot | undefined, given: Given): Objection[] {
  return [...ofLot(lot, given), ...ofContainer(lot, given)];
}

/** The day a time is on at the site, as `YYYY-MM-DD`. */
export function dayOf(at: Date, timeZone: string): string {
  return DateTime.fromJSDate(at, { zone: timeZone }).toISODate()!;
}

/** When an opened container must not be used any more; undefined if that has no end. */
export function usableUntil({ openedAt }: Pick<OpenedContainer, 'openedAt'>, { openHours }: Packing): Date | undefined {
  return openHours === undefined ? undefined : new Date(openedAt.getTime() + openHours * 60 * 60 * 1000);
}

function ofLot(lot: Lot | undefined, given: Given): Objection[] {
  const { at, timeZone, isAmbiguous, isStockKept = true, statedExpiry } = given;
  const objections: Objection[] = [];
  if (!lot && isAmbiguous)
    objections.push({
      code: 'lot-ambiguous',
      reason: 'several packages have a lot of this number: say which by its GTIN',
    });
  else if (!lot && isStockKept) objections.push({ code: 'lot-unknown', reason: 'this lot was never received here' });
  if (lot?.recalled && lot.recalled.at <= at)
    objections.push({ code: 'lot-recalled', reason: `this lot is recalled: ${lot.recalled.reason}` });
  const expiresOn = lot?.expiresOn ?? statedExpiry;
  if (expiresOn && dayOf(at, timeZone) > expiresOn)
    objections.push({ code: 'lot-expired', reason: `this lot expired on ${expiresOn}` });
  if (lot && !expiresOn) objections.push({ code: 'expiry-unknown', reason: 'nobody said when this lot expires' });
  return objections;
}

function ofContainer(lot: Lot | undefined, { at, packing, container, isContainerUnknown, examId }: Given): Objection[] {
  if (isContainerUnknown) return [{ code: 'container-unknown', reason: 'no container with this id was opened' }];
  if (!container) return [];
  const objections: Objection[] = [];
  if (container.lotId !== lot?.id)
    objections.push({ code: 'container-of-another-lot', reason: 'this container is of another lot' });
  if (container.examId !== undefined && container.examId !== examId)
    objections.push({
      code: 'container-of-another-exam',
      reason: 'a single-dose container is for one patient: this one was used for another exam',
    });
  if (container.closedAt && container.closedAt < at)
    objections.push({ code: 'container-discarded', reason: 'this container was thrown away' });
  const until = packing && usableUntil(container, packing);
  if (until && at > until)
    objections.push({
      code: 'container-overdue',
      reason: `this container was opened more than ${packing.openHours} hours before`,
    });
  if (!container.closedAt && remainingOf(container) === 0)
    objections.push({ code: 'container-empty', reason: 'nothing is left in this container' });
  if (packing?.openDoses !== undefined && container.doses >= packing.openDoses)
    objections.push({
      code: 'container-doses',
      reason: `${packing.openDoses} doses were taken from this container already`,
    });
  return objections;
}
