import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Dataset, nameOfTag, worklistItemMatches, type DicomCaller, type WorklistProvider } from '#dicom';
import { recordRecurringAccess } from '#fhir';
import { CLOCK, SITE, type Clock, type Site } from '#platform';
import { OpenStationsOnly } from './open-stations-only.js';
import { datasetOf, Worklist, type FoundItem, type WorklistFilter } from './worklist.store.js';
import { isInView, seenThrough, stationsToRead, viewOf } from './worklist-views.decider.js';

/**
 * The worklist as modalities see it: steps that have not begun, unless the query asks for a status. The database narrows
 * by what it has an index for; each item is matched in full. Who has a view sees no more than it shows. Who sees whom is
 * recorded before it is seen: what cannot be recorded is not given.
 */
@Injectable()
export class ServeWorklistWhenModalityAsks implements WorklistProvider {
  constructor(
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(OpenStationsOnly) private readonly openOnly: OpenStationsOnly,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async *find(query: Dataset, caller: DicomCaller): AsyncGenerator<Dataset> {
    const filter = filterOf(query);
    const view = viewOf(caller.aeTitle, this.site);
    const asked = filter.stationAeTitles ?? (view ? [view.aeTitle] : undefined);
    const isShown = (item: FoundItem) => !view || isInView(item, view, this.site);
    const openOnly = this.openOnly.forOneAnswer(asked);
    let isRecorded = false;
    for await (const page of this.worklist.pages({ ...filter, ...readFrom(asked, this.site) })) {
      const items = (await openOnly(page)).map((item) => seenThrough(item, asked ?? [], this.site));
      const shown = items.filter(isShown).map((item) => ({ patientId: item.patientId, dataset: datasetOf(item) }));
      const found = shown.filter(({ dataset }) => worklistItemMatches(dataset, query));
      if (found.length === 0) continue;
      await this.record(found, query, caller);
      isRecorded = true;
      for (const { dataset } of found) yield dataset;
    }
    // That somebody asked is recorded too where nobody was found.
    if (!isRecorded) await this.record([], query, caller);
  }

  /** One record a page: the patients, in whatever order, and by which keys they were found. */
  private record(found: { patientId: string }[], query: Dataset, { aeTitle, address }: DicomCaller): Promise<void> {
    const patientIds = [...new Set(found.map(({ patientId }) => patientId))].sort();
    const who = { client: aeTitle, address, service: 'scheduling' };
    const access = {
      interaction: 'RAD-5' as const,
      ...who,
      patientIds,
      references: [],
      query: keysOf(query).join(','),
    };
    return recordRecurringAccess(this.dataSource.manager, access, this.clock.now());
  }
}

/** What is read for an answer about these AE titles; of all stations where none is named. */
export function readFrom(asked: string[] | undefined, site: Site): WorklistFilter {
  return asked ? { stationAeTitles: stationsToRead(asked, site) } : {};
}

/** The names of the keys a query gives a value for; the values, which may be a patient's, are in no record. */
export function keysOf(query: Dataset): string[] {
  return query
    .elements()
    .flatMap(({ tag, vr }) =>
      vr === 'SQ' ? query.items(tag).flatMap(keysOf) : query.hasValue(tag) ? [nameOfTag(tag)] : [],
    );
}

/**
 * The part of a query the database can answer: values without wildcards, of which any one is enough, the range of dates
 * and a name in ASCII.
 */
export function filterOf(query: Dataset): WorklistFilter {
  const step = query.items('ScheduledProcedureStepSequence')[0] ?? Dataset.of({});
  const [fromDate, toDate] = datesOf(step.text('ScheduledProcedureStepStartDate'));
  const statuses = step.texts('ScheduledProcedureStepStatus');
  return {
    stationAeTitles: exact(step.texts('ScheduledStationAETitle')),
    modalities: exact(step.texts('Modality')),
    fromDate,
    toDate,
    accessionNumbers: exact(query.texts('AccessionNumber')),
    dicomPatientIds: exact(query.texts('PatientID')),
    requestedProcedureIds: exact(query.texts('RequestedProcedureID')),
    studyInstanceUids: exact(query.texts('StudyInstanceUID')),
    patientNameLike: likeOf(query.texts('PatientName')),
    ...(statuses.includes('STARTED') ? { statuses: ['SCHEDULED', 'STARTED'] } : {}),
  };
}

/** The values of a key where all of them are exact; one with a wildcard, or none, narrows nothing. */
function exact(asked: string[]): string[] | undefined {
  const values = asked.filter(Boolean);
  return values.length > 0 && !values.some((one) => /[*?]/.test(one)) ? values : undefined;
}

/** PS3.4 section C.2.2.2.5: a date, `from-`, `-to` or `from-to`. */
function datesOf(text: string | undefined): [string | undefined, string | undefined] {
  if (!text) return [undefined, undefined];
  const [from = '', to] = text.split('-');
  const valid = (date: string | undefined) => (date && /^\d{8}$/.test(date) ? date : undefined);
  return to === undefined ? [valid(from), valid(from)] : [valid(from), valid(to)];
}

/**
 * A name of one component group as a pattern of SQL LIKE, which gives at least all that match. Only plain ASCII is narrowed by: what lower case
 * is beyond it, Postgres and we may see differently.
 */
function likeOf(names: string[]): string | undefined {
  const asked = names.length === 1 ? names[0]!.trim().replace(/\^+$/, '') : '';
  if (!asked || !/^[\x20-\x7e]+$/.test(asked) || asked.includes('=')) return undefined;
  return asked
    .toLowerCase()
    .replace(/[\\%_]/g, '\\$&')
    .replaceAll('*', '%')
    .replaceAll('?', '_');
}
