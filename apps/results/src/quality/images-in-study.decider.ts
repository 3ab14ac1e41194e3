import type { ImagingStudy, ImagingStudySeries } from 'fhir/r4.js';
import { sopClasses, type SeriesInPacs } from '#dicom';
import { referencedId, studyInstanceUidOf, uuidFrom } from '#fhir';
import type { Site } from '#platform';
import { timeInZone } from '../study/imaging-study.decider.js';
import type { AcquiredImage } from './exposures.store.js';

/** One image, with who made it, which is kept apart from it. */
export type ImageOfStudy = AcquiredImage & { operator?: string };

/**
 * The images of a study, each once: those its exam says it made, and those the PACS has. What the PACS says of one goes
 * before what is known of its series; documents are no images.
 */
export function imagesIn(study: ImagingStudy, inPacs: readonly SeriesInPacs[], site: Site): ImageOfStudy[] {
  const studyInstanceUid = studyInstanceUidOf(study);
  if (!studyInstanceUid) return [];
  const orders = (study.basedOn ?? []).flatMap(({ reference }) => referencedId(reference, 'ServiceRequest') ?? []);
  // Of a study of several orders nobody says which image is of which.
  const common = { studyInstanceUid, ...(orders.length === 1 ? { orderId: orders[0]! } : {}) };
  const images = new Map<string, ImageOfStudy>();
  for (const series of study.series ?? [])
    for (const { uid } of series.instance ?? [])
      images.set(uid, { ...common, sopInstanceUid: uid, ...ofSeries(series, site) });
  for (const series of inPacs) {
    const known = study.series?.find(({ uid }) => uid === series.seriesInstanceUid);
    const ofIt = { ...(known ? ofSeries(known, site) : {}), ...saidOfSeries(series, site) };
    for (const { sopInstanceUid, sopClassUid, exposure = {} } of series.instances) {
      if (sopClassUid === sopClasses.keyObjectSelection) continue;
      const { acquiredAt, ...facts } = exposure;
      const at = timeInZone(acquiredAt, site);
      const before = images.get(sopInstanceUid);
      images.set(sopInstanceUid, { ...before, ...common, sopInstanceUid, ...ofIt, ...facts, ...(at ? { at } : {}) });
    }
  }
  return [...images.values()];
}

/** What the modality said of a series: its station stands in a room of the site. */
function ofSeries({ modality, started, performer }: ImagingStudySeries, site: Site): Partial<ImageOfStudy> {
  const devices = (performer ?? []).flatMap(({ actor }) => referencedId(actor.reference, 'Device') ?? []);
  const station = site.stations.find(({ aeTitle }) => devices.includes(uuidFrom('Device', aeTitle)));
  return {
    ...(modality.code ? { modality: modality.code } : {}),
    ...(started ? { at: started } : {}),
    ...(station ? { station: station.aeTitle, room: station.room } : {}),
  };
}

function saidOfSeries({ modality, bodyPart, laterality, startedAt, operator }: SeriesInPacs, site: Site) {
  const at = timeInZone(startedAt, site);
  const said = { modality, bodyPart, laterality, at, operator };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) as Partial<ImageOfStudy>;
}
