import { fail } from '#platform';
import type { Dataset, DatasetInput } from './dataset.js';
import {
  dateRange,
  isBetween,
  isPlainKey,
  localTimeOf,
  type PacsQuery,
  type SeriesInPacs,
  type StudyInPacs,
} from './pacs-query.js';
import { ScuAssociation, type ScuOptions } from './scu.js';
import { sopClasses } from './uids.js';

/** What is asked for of a study. */
const ofStudy: DatasetInput = {
  StudyInstanceUID: '',
  AccessionNumber: '',
  PatientID: '',
  ModalitiesInStudy: '',
  StudyDescription: '',
  StudyDate: '',
  StudyTime: '',
  NumberOfStudyRelatedSeries: '',
  NumberOfStudyRelatedInstances: '',
};
const ofSeries: DatasetInput = {
  SeriesInstanceUID: '',
  Modality: '',
  SeriesDescription: '',
  SeriesNumber: '',
  BodyPartExamined: '',
  Laterality: '',
  SeriesDate: '',
  SeriesTime: '',
  OperatorsName: '',
};
const ofInstance: DatasetInput = { SOPInstanceUID: '', SOPClassUID: '', InstanceNumber: '' };

/**
 * Asks a PACS what it has by C-FIND (Query/Retrieve, Study Root, PS3.4 section C.6.2), for one that has no DICOMweb. Each
 * question is an association of its own.
 */
export class StudyRootFind implements PacsQuery {
  constructor(private readonly options: ScuOptions) {}

  /** @throws Failure as {@link PacsQuery.seriesOf} */
  async seriesOf(studyInstanceUid: string): Promise<SeriesInPacs[]> {
    return this.asking(async (find) => {
      const study = { StudyInstanceUID: studyInstanceUid };
      const found: SeriesInPacs[] = [];
      for (const series of await find('SERIES', { ...ofSeries, ...study })) {
        const seriesInstanceUid = required(series, 'SeriesInstanceUID');
        const instances = await find('IMAGE', { ...ofInstance, ...study, SeriesInstanceUID: seriesInstanceUid });
        found.push(seriesFrom(series, instances));
      }
      return found;
    });
  }

  /** A query from below, which not every PACS answers (PS3.4 section C.4.1.1.3.2.2, relational). */
  async studyOf(sopInstanceUid: string): Promise<string | undefined> {
    return this.asking(async (find) => {
      const query = { StudyInstanceUID: '', SeriesInstanceUID: '', SOPInstanceUID: sopInstanceUid };
      const found = await find('IMAGE', query);
      const instance = found.find((one) => one.text('SOPInstanceUID') === sopInstanceUid);
      return instance && required(instance, 'StudyInstanceUID');
    });
  }

  async study(studyInstanceUid: string): Promise<StudyInPacs | undefined> {
    const found = await this.asking((find) => find('STUDY', { ...ofStudy, StudyInstanceUID: studyInstanceUid }));
    return found.map(studyFrom).find((one) => one.studyInstanceUid === studyInstanceUid);
  }

  async studiesOfPatient(patientId: string): Promise<StudyInPacs[]> {
    if (!isPlainKey(patientId)) return [];
    const found = await this.asking((find) => find('STUDY', { ...ofStudy, PatientID: patientId }));
    return found.map(studyFrom).filter((one) => one.patientId === patientId);
  }

  async studiesBetween(from: string, to: string): Promise<StudyInPacs[]> {
    const found = await this.asking((find) => find('STUDY', { ...ofStudy, StudyDate: dateRange(from, to) }));
    return found.map(studyFrom).filter((one) => isBetween(one, from, to));
  }

  private async asking<T>(work: (find: Find) => Promise<T>): Promise<T> {
    const association = await ScuAssociation.open(this.options, [sopClasses.studyRootFind]);
    try {
      const answer = await work(async (level, keys) => {
        const query = { SpecificCharacterSet: 'ISO_IR 192', QueryRetrieveLevel: level, ...keys };
        const responses = await association.findInStudyRoot(query);
        judge(responses.at(-1)!.status);
        return responses.flatMap(({ dataset }) => (dataset ? [dataset] : []));
      });
      // It was answered; how the peer takes leave does not matter.
      await association.release().catch(() => undefined);
      return answer;
    } finally {
      association.destroy();
    }
  }
}

type Find = (level: 'STUDY' | 'SERIES' | 'IMAGE', keys: DatasetInput) => Promise<Dataset[]>;

/** Statuses of C-FIND, PS3.4 table C.4-1. */
function judge(status: number): void {
  if (status === 0) return;
  const said = `the PACS answered C-FIND with 0x${(status & 0xffff).toString(16).padStart(4, '0')}`;
  if (status >> 8 === 0xa7) throw fail('peer-busy', said);
  if (status >> 8 === 0xa9 || status === 0x0122 || status === 0x0124) throw fail('peer-refused', said);
  throw fail('peer-error', said);
}

function seriesFrom(series: Dataset, instances: readonly Dataset[]): SeriesInPacs {
  return {
    seriesInstanceUid: required(series, 'SeriesInstanceUID'),
    modality: series.text('Modality'),
    description: series.text('SeriesDescription'),
    number: series.number('SeriesNumber'),
    bodyPart: series.text('BodyPartExamined'),
    laterality: series.text('Laterality'),
    startedAt: localTimeOf(series.text('SeriesDate'), series.text('SeriesTime')),
    operator: series.text('OperatorsName'),
    instances: instances.map((one) => ({
      sopInstanceUid: required(one, 'SOPInstanceUID'),
      sopClassUid: one.text('SOPClassUID'),
      number: one.number('InstanceNumber'),
    })),
  };
}

function studyFrom(found: Dataset): StudyInPacs {
  return {
    studyInstanceUid: required(found, 'StudyInstanceUID'),
    accessionNumber: found.text('AccessionNumber'),
    patientId: found.text('PatientID'),
    modalities: found.texts('ModalitiesInStudy').filter((one) => one !== ''),
    description: found.text('StudyDescription'),
    startedAt: localTimeOf(found.text('StudyDate'), found.text('StudyTime')),
    numberOfSeries: found.number('NumberOfStudyRelatedSeries'),
    numberOfInstances: found.number('NumberOfStudyRelatedInstances'),
  };
}

function required(found: Dataset, keyword: 'StudyInstanceUID' | 'SeriesInstanceUID' | 'SOPInstanceUID'): string {
  const value = found.text(keyword);
  if (value) return value;
  throw fail('peer-answer-malformed', `the PACS's answer lacks ${keyword}`);
}
