import { Inject, Injectable } from '@nestjs/common';
import { Dataset, type WorklistProvider } from '#dicom';
import { OpenStationsOnly } from './open-stations-only.js';
import { Worklist, type WorklistFilter } from './worklist.store.js';

/**
 * The worklist as modalities see it: steps that have not begun, unless the query asks for a status. The database narrows
 * by what it has an index for; the SCP matches each item in full.
 */
@Injectable()
export class ServeWorklistWhenModalityAsks implements WorklistProvider {
  constructor(
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(OpenStationsOnly) private readonly openOnly: OpenStationsOnly,
  ) {}

  async find(query: Dataset): Promise<Dataset[]> {
    const items = await this.openOnly.of(await this.worklist.find(filterOf(query)));
    return items.map(({ status, attributes }) => {
      const [step] = attributes.ScheduledProcedureStepSequence as [object];
      const current = {
        ...attributes,
        ScheduledProcedureStepSequence: [{ ...step, ScheduledProcedureStepStatus: status }],
      };
      return Dataset.of(current);
    });
  }
}

/** The part of a query the database can answer: single values without wildcards, and the range of dates. */
export function filterOf(query: Dataset): WorklistFilter {
  const step = query.items('ScheduledProcedureStepSequence')[0];
  const exact = (text: string | undefined) => (text && !/[*?\\]/.test(text) ? text : undefined);
  const [from, to] = datesOf(step?.text('ScheduledProcedureStepStartDate'));
  const status = exact(step?.text('ScheduledProcedureStepStatus'));
  return {
    stationAeTitle: exact(step?.text('ScheduledStationAETitle')),
    modality: exact(step?.text('Modality')),
    fromDate: from,
    toDate: to,
    accessionNumber: exact(query.text('AccessionNumber')),
    dicomPatientId: exact(query.text('PatientID')),
    requestedProcedureId: exact(query.text('RequestedProcedureID')),
    studyInstanceUid: query.texts('StudyInstanceUID').length === 1 ? query.text('StudyInstanceUID') : undefined,
    patientNameLike: likeOf(query.text('PatientName')),
    ...(status === 'STARTED' ? { statuses: [status] } : {}),
  };
}

/** PS3.4 section C.2.2.2.5: a date, `from-`, `-to` or `from-to`. */
function datesOf(text: string | undefined): [string | undefined, string | undefined] {
  if (!text) return [undefined, undefined];
  const [from = '', to] = text.split('-');
  const valid = (date: string | undefined) => (date && /^\d{8}$/.test(date) ? date : undefined);
  return to === undefined ? [valid(from), valid(from)] : [valid(from), valid(to)];
}

/**
 * A name as a pattern of SQL LIKE, which gives at least all that match. Only plain ASCII is narrowed by: what lower case
 * is beyond it, Postgres and we may see differently.
 */
function likeOf(name: string | undefined): string | undefined {
  const asked = name?.trim().replace(/\^+$/, '');
  if (!asked || !/^[\x20-\x7e]+$/.test(asked) || asked.includes('=')) return undefined;
  return asked
    .toLowerCase()
    .replace(/[\\%_]/g, '\\$&')
    .replaceAll('*', '%')
    .replaceAll('?', '_');
}
