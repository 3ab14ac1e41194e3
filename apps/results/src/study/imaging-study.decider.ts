import { DateTime } from 'luxon';
import type { Coding, Endpoint, ImagingStudy, ImagingStudySeries, Procedure, ServiceRequest } from 'fhir/r4.js';
import type { InstanceInPacs, SeriesInPacs } from '#dicom';
import { dicomUidIdentifier, studyInstanceUidOf, systems, uuidFrom } from '#fhir';
import type { Site } from '#platform';
import bodyParts from './body-parts.json' with { type: 'json' };
import { isEnteredInError, rejectionText, type Rejected } from './rejection.decider.js';

const SNOMED_CT = 'http://snomed.info/sct';
/** Laterality (0020,0060), PS3.16 CID 244. */
const sides: Readonly<Record<string, Coding>> = {
  L: { system: SNOMED_CT, code: '7771000', display: 'Left' },
  R: { system: SNOMED_CT, code: '24028007', display: 'Right' },
};
const VIEWER_LINK = 'urn:collimator:extension:viewer-link';

/**
 * A study, known before or not, with what an exam that adds to it says it made: `registered` until the PACS is seen to
 * have that too. Whose it is, an exam with an order says before one without: that may have been done under a wrong
 * number. One that was in error belonged to another order: it is this exam's alone.
 */
export function studyWith(known: ImagingStudy | undefined, made: ImagingStudy): ImagingStudy {
  if (!known) return { ...made, meta: undefined };
  if (known.status === 'entered-in-error') return { ...made, meta: known.meta };
  const referredTo = known.basedOn?.map(({ reference }) => reference) ?? [];
  const others = (made.basedOn ?? []).filter(({ reference }) => !referredTo.includes(reference));
  const there = new Set(instancesOf(known));
  if (others.length === 0 && instancesOf(made).every((uid) => there.has(uid))) return known;
  const basedOn = [...(known.basedOn ?? []), ...others];
  return {
    ...known,
    ...(made.basedOn ? { subject: made.subject } : {}),
    status: 'registered',
    ...(basedOn.length > 0 ? { basedOn } : {}),
    ...counted(joined(known.series, made.series)),
  };
}

/**
 * What an exam says it made, with who performed it and, where it performed one order, the body site that was asked for:
 * it stands for a series of which the PACS says none.
 */
export function madeBy(
  made: ImagingStudy,
  exam: Procedure | undefined,
  orders: readonly ServiceRequest[],
): ImagingStudy {
  const performer = exam?.performer?.map(({ actor }) => ({ actor }));
  const bodySite = orders.length === 1 ? orders[0]!.bodySite?.[0]?.coding?.[0] : undefined;
  if (!made.series) return made;
  const known = { ...(bodySite ? { bodySite } : {}), ...(performer ? { performer } : {}) };
  return { ...made, series: made.series.map((one) => ({ ...one, ...known })) };
}

/** A study without those of its orders; with none left it keeps them, for what is in error is so of these orders. */
export function studyWithoutOrders(study: ImagingStudy, orderIds: readonly string[]): ImagingStudy {
  const left = orderIds.map((id) => `ServiceRequest/${id}`);
  const basedOn = (study.basedOn ?? []).filter(({ reference }) => !left.includes(reference ?? ''));
  return basedOn.length > 0 ? { ...study, basedOn } : study;
}

/**
 * The study as the PACS has it, less what was rejected; while the PACS has not all of it, what the modality said is kept
 * beside. The same content, in whatever order it came, gives the same study.
 */
export function studyFrom(
  known: ImagingStudy,
  found: readonly SeriesInPacs[],
  isWhole: boolean,
  rejected: Rejected,
  site: Site,
): ImagingStudy {
  const uid = studyInstanceUidOf(known)!;
  const visible = withoutInstances(found, rejected);
  const fromPacs = visible.map((one) => seriesFrom(one, known, site));
  const unseen = isWhole ? [] : seriesWithout(known.series ?? [], rejected);
  const series = inOrder(joined(fromPacs, unseen), visible);
  const text = rejectionText(rejected);
  const started = series.flatMap((one) => one.started ?? []).sort((a, b) => instant(a) - instant(b))[0];
  const modalities = [...new Map(series.map((one) => [one.modality.code, one.modality])).values()].filter(
    ({ code }) => code,
  );
  return {
    ...known,
    id: uuidFrom('ImagingStudy', uid),
    identifier: [dicomUidIdentifier(uid)],
    status: !isWhole ? 'registered' : series.length > 0 ? 'available' : withdrawnStatus(rejected),
    modality: modalities.length > 0 ? modalities : undefined,
    started,
    ...counted(series),
    note: text ? [{ text }] : undefined,
    ...linksTo(uid, site),
  };
}

/** Series without these instances; one that has no other is left out. */
export function withoutInstances(series: readonly SeriesInPacs[], left: { has(uid: string): boolean }): SeriesInPacs[] {
  return series
    .map((one) => ({ ...one, instances: one.instances.filter(({ sopInstanceUid }) => !left.has(sopInstanceUid)) }))
    .filter(({ instances }) => instances.length > 0);
}

/** Every instance the study lists. */
export function instancesOf(study: ImagingStudy): string[] {
  return (study.series ?? []).flatMap((series) => (series.instance ?? []).map((one) => one.uid));
}

/** The site's link to the viewer for a study: it names the study by UID, never the patient. */
export function viewerUrlOf(studyInstanceUid: string, site: Site): string | undefined {
  return site.pacs.viewerUrl?.replaceAll('{studyInstanceUid}', encodeURIComponent(studyInstanceUid));
}

/** A modality's local time in the site's zone; a date stays a date, and what is no time is left out. */
export function timeInZone(local: string | undefined, site: Site): string | undefined {
  if (!local) return undefined;
  const time = DateTime.fromISO(local, { zone: site.timeZone });
  if (!time.isValid) return undefined;
  return local.includes('T') ? time.toISO({ suppressMilliseconds: true }) : local;
}

/** What the PACS does not say of a series or an instance is as the modality said it. */
function seriesFrom(found: SeriesInPacs, known: ImagingStudy, site: Site): ImagingStudySeries {
  const said = known.series?.find(({ uid }) => uid === found.seriesInstanceUid);
  const modality = found.modality ? { system: systems.dicomCode, code: found.modality } : said?.modality;
  const description = found.description ?? said?.description;
  const started = timeInZone(found.startedAt, site) ?? said?.started;
  const bodySite = bodySiteOf(found) ?? said?.bodySite;
  const laterality = sides[found.laterality?.toUpperCase() ?? ''] ?? said?.laterality;
  const stations = (said?.performer ?? []).filter(({ actor }) => actor.reference);
  const performer = [...stations, ...(found.operator ? [{ actor: { display: nameOf(found.operator) } }] : [])];
  return {
    uid: found.seriesInstanceUid,
    ...(isCount(found.number) ? { number: found.number } : {}),
    modality: modality ?? { display: 'unknown' },
    ...(description ? { description } : {}),
    numberOfInstances: found.instances.length,
    ...(bodySite ? { bodySite } : {}),
    ...(laterality ? { laterality } : {}),
    ...(started ? { started } : {}),
    ...(performer.length > 0 ? { performer } : {}),
    instance: found.instances.map((one) => instanceFrom(one, said)),
  };
}

function instanceFrom({ sopInstanceUid, sopClassUid, number }: InstanceInPacs, said: ImagingStudySeries | undefined) {
  const sopClass = sopClassUid
    ? { system: 'urn:ietf:rfc:3986', code: `urn:oid:${sopClassUid}` }
    : said?.instance?.find(({ uid }) => uid === sopInstanceUid)?.sopClass;
  return {
    uid: sopInstanceUid,
    sopClass: sopClass ?? { display: 'unknown' },
    ...(isCount(number) ? { number } : {}),
  };
}

/** A body part that is no defined term is kept as it was written. */
function bodySiteOf({ bodyPart }: SeriesInPacs): Coding | undefined {
  const term = bodyPart?.trim().toUpperCase();
  if (!term) return undefined;
  const table: Readonly<Record<string, string[]>> = bodyParts;
  const [code, display] = Object.hasOwn(table, term) ? table[term]! : [];
  return code ? { system: SNOMED_CT, code, display } : { display: bodyPart!.trim() };
}

/** `Family^Given` as people write it. */
function nameOf(personName: string): string {
  const [family = '', given = ''] = personName.split('=')[0]!.split('^');
  return [given, family].filter((part) => part.trim() !== '').join(' ');
}

/** FHIR unsignedInt. */
function isCount(number: number | undefined): number is number {
  return number !== undefined && number >= 0 && number <= 2_147_483_647;
}

/** The first list of series, with the series and instances that only the second has. */
function joined(first: readonly ImagingStudySeries[] = [], second: readonly ImagingStudySeries[] = []) {
  const there = new Set(first.flatMap(({ instance = [] }) => instance.map(({ uid }) => uid)));
  const series = first.map((one) => {
    const others = second.find(({ uid }) => uid === one.uid)?.instance ?? [];
    const instance = [...(one.instance ?? []), ...others.filter(({ uid }) => !there.has(uid))];
    return { ...one, numberOfInstances: instance.length, instance };
  });
  return [...series, ...second.filter(({ uid }) => !first.some((one) => one.uid === uid))];
}

function seriesWithout(series: readonly ImagingStudySeries[], rejected: Rejected): ImagingStudySeries[] {
  return series
    .map((one) => ({ ...one, instance: (one.instance ?? []).filter(({ uid }) => !rejected.has(uid)) }))
    .map((one) => ({ ...one, numberOfInstances: one.instance.length }))
    .filter(({ instance }) => instance.length > 0);
}

/** By number, then by UID; what only the modality told of comes last. */
function inOrder(series: ImagingStudySeries[], inPacs: readonly SeriesInPacs[]): ImagingStudySeries[] {
  const there = new Set(inPacs.map(({ seriesInstanceUid }) => seriesInstanceUid));
  const last = ({ uid }: ImagingStudySeries) => (there.has(uid) ? 0 : 1);
  return series
    .map((one) => ({ ...one, instance: [...(one.instance ?? [])].sort(byNumber) }))
    .sort((a, b) => last(a) - last(b) || byNumber(a, b));
}

function byNumber(a: { number?: number; uid: string }, b: { number?: number; uid: string }): number {
  const [one, other] = [a.number ?? Number.MAX_SAFE_INTEGER, b.number ?? Number.MAX_SAFE_INTEGER];
  return one - other || (a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0);
}

/** FHIR knows no empty list. */
function counted(series: ImagingStudySeries[]): Partial<ImagingStudy> {
  return {
    numberOfSeries: series.length,
    numberOfInstances: series.reduce((sum, one) => sum + (one.instance?.length ?? 0), 0),
    series: series.length > 0 ? series : undefined,
  };
}

function withdrawnStatus(rejected: Rejected): ImagingStudy['status'] {
  return isEnteredInError(rejected) ? 'entered-in-error' : 'cancelled';
}

function instant(time: string): number {
  return Date.parse(time);
}

/** WADO-RS and the viewer, as far as the site has them. */
function linksTo(uid: string, site: Site): Partial<ImagingStudy> {
  const { wadoUrl } = site.pacs;
  const viewer = viewerUrlOf(uid, site);
  const wado = wadoUrl && `${wadoUrl.replace(/\/$/, '')}/studies/${uid}`;
  const endpoints = [
    ...(wado ? [endpoint('wado', { system: CONNECTION_TYPE, code: 'dicom-wado-rs' }, wado)] : []),
    ...(viewer ? [endpoint('viewer', { system: 'urn:collimator:connection-type', code: 'viewer' }, viewer)] : []),
  ];
  if (endpoints.length === 0) return {};
  return {
    contained: endpoints,
    endpoint: endpoints.map(({ id }) => ({ reference: `#${id}` })),
    ...(viewer ? { extension: [{ url: VIEWER_LINK, valueUrl: viewer }] } : {}),
  };
}

const CONNECTION_TYPE = 'http://terminology.hl7.org/CodeSystem/endpoint-connection-type';

function endpoint(id: string, connectionType: Coding, address: string): Endpoint {
  return {
    resourceType: 'Endpoint',
    id,
    status: 'active',
    connectionType,
    payloadType: [{ text: id === 'wado' ? 'DICOM' : 'viewer' }],
    address,
  };
}
