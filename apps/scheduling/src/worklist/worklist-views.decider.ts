import type { DatasetInput } from '#dicom';
import { procedureFor, stationByAeTitle, stationsFor, type Site, type Station, type WorklistView } from '#platform';

/** HL7 table 0124: nobody is moved, the unit comes to the bed. */
export const BEDSIDE = 'PORT';

/** What of a worklist item says where it is done. */
interface Item {
  attributes: DatasetInput;
}
interface ScheduledStep {
  Modality: string;
  /** Several where it is seen through a view. */
  ScheduledStationAETitle: string | string[];
}

/** The station a step is to be done at. */
export function stationOf(item: Item): string {
  return stationsOf(item)[0]!;
}

/** The station a step is to be done at, and the views it was asked for through. */
export function stationsOf({ attributes }: Item): string[] {
  return [stepOf(attributes).ScheduledStationAETitle].flat();
}

/** The view of an AE title that is no station's. */
export function viewOf(aeTitle: string | undefined, site: Site): WorklistView | undefined {
  return site.worklistViews.find((one) => one.aeTitle === aeTitle);
}

/** The stations of a view: those it names, those of its rooms; all where it names neither. */
export function stationsOfView({ stations, rooms }: WorklistView, site: Site): string[] {
  const isShown = ({ aeTitle, room }: Station) => !!(stations?.includes(aeTitle) || rooms?.includes(room));
  return site.stations.filter((one) => (stations || rooms ? isShown(one) : true)).map(({ aeTitle }) => aeTitle);
}

/** Whether a view shows a step: by its station, and by its modality where the view names some. */
export function isInView(item: Item, view: WorklistView, site: Site): boolean {
  const { Modality } = stepOf(item.attributes);
  return stationsOfView(view, site).includes(stationOf(item)) && (view.modalities?.includes(Modality) ?? true);
}

/**
 * The step as who asks for these AE titles sees it: one that a view of them shows is scheduled for the view as well
 * (Scheduled Station AE Title has one value or more), so that a console that asks for its own AE title finds it.
 */
export function seenThrough<I extends Item>(item: I, asked: readonly string[], site: Site): I {
  const views = site.worklistViews.filter((view) => asked.includes(view.aeTitle) && isInView(item, view, site));
  if (views.length === 0) return item;
  return withStep(item, { ScheduledStationAETitle: [stationOf(item), ...views.map(({ aeTitle }) => aeTitle)] });
}

/** The stations whose steps must be read for an answer about these AE titles, also those that they may stand in for. */
export function stationsToRead(asked: readonly string[], site: Site): string[] {
  const shown = asked.flatMap((aeTitle) => {
    const view = viewOf(aeTitle, site);
    return view ? stationsOfView(view, site) : [aeTitle];
  });
  const others = site.stations.map(({ aeTitle }) => aeTitle).filter((one) => !shown.includes(one));
  const standIns = (one: string) => [...withBackups(one, site), ...unitsBeside(one, site)];
  return [...shown, ...others.filter((one) => standIns(one).some((other) => shown.includes(other)))];
}

/** Portable units that do some of what a portable unit does: what is ordered for the bedside, either may go to. */
function unitsBeside(aeTitle: string, site: Site): string[] {
  const own = stationByAeTitle(site, aeTitle);
  if (!own?.portable) return [];
  const units = site.stations.filter((one) => one.portable && one !== own);
  return units.filter((one) => one.modalities.some((some) => own.modalities.includes(some))).map((one) => one.aeTitle);
}

/**
 * The portable units that may take a step for the bedside besides the one it is booked at: whoever is near goes. None for
 * any other step, and none that lacks what the procedure needs.
 */
export function unitsThatMayTake({ attributes }: Item, site: Site): string[] {
  const { Modality } = stepOf(attributes);
  const own = stationOf({ attributes });
  if (attributes.PatientTransportArrangements !== BEDSIDE || !stationByAeTitle(site, own)?.portable) return [];
  const [procedure] = (attributes.RequestedProcedureCodeSequence ?? []) as {
    CodeValue?: string;
    LongCodeValue?: string;
  }[];
  const needs = procedureFor(site, procedure?.CodeValue ?? procedure?.LongCodeValue)?.needs ?? [];
  return stationsFor(site, Modality)
    .filter((one) => one.portable && one.aeTitle !== own && needs.every((some) => one.capabilities.includes(some)))
    .map(({ aeTitle }) => aeTitle);
}

/** A station, the one that stands in for it, the one that stands in for that, each once. */
export function withBackups(aeTitle: string, site: Site): string[] {
  const chain: string[] = [];
  for (
    let next: string | undefined = aeTitle;
    next && !chain.includes(next);
    next = stationByAeTitle(site, next)?.backup
  )
    chain.push(next);
  return chain;
}

/**
 * The step as it may begin now: at its station where that is open, else at the first open one that stands in for it.
 * Undefined where there is none. For the bedside every unit that may take it stands in: who asks for such a unit alone
 * sees it as that one's.
 *
 * @param asked the AE titles the answer is about; none for all stations
 */
export function whereOpen<I extends Item>(
  item: I,
  isClosed: (aeTitle: string) => boolean,
  site: Site,
  asked: readonly string[] = [],
): I | undefined {
  const own = stationOf(item);
  const units = unitsThatMayTake(item, site);
  const isFor = (aeTitle: string) => asked.includes(aeTitle) && !isClosed(aeTitle);
  const near = isFor(own) ? undefined : units.find(isFor);
  const open = near ?? [...withBackups(own, site), ...units].find((aeTitle) => !isClosed(aeTitle));
  const station = open === own ? undefined : stationByAeTitle(site, open);
  if (!station) return open === own ? item : undefined;
  return withStep(item, stationAttributes(station));
}

/** What an item says of its station. */
export function stationAttributes({ aeTitle, name, room }: Pick<Station, 'aeTitle' | 'name' | 'room'>) {
  return {
    ScheduledStationAETitle: aeTitle,
    // As long as VR SH.
    ScheduledStationName: name.slice(0, 16),
    ScheduledProcedureStepLocation: room.slice(0, 16),
  };
}

function stepOf(attributes: DatasetInput): ScheduledStep {
  const [step] = attributes.ScheduledProcedureStepSequence as [ScheduledStep];
  return step;
}

function withStep<I extends Item>(item: I, changes: DatasetInput): I {
  const ScheduledProcedureStepSequence = [{ ...stepOf(item.attributes), ...changes }] as DatasetInput[];
  return { ...item, attributes: { ...item.attributes, ScheduledProcedureStepSequence } };
}
