import type { Dataset } from './dataset.js';
import type { Keyword } from './dictionary.js';

/** Somebody an MPPS names as having done the exam. */
export interface NamedPerformer {
  role: 'operator' | 'physician';
  /** DICOM VR PN. */
  name?: string;
  /** Person Identification Codes, such as a staff number. */
  codes: { code: string; scheme?: string }[];
}

/** What an MPPS instance says (PS3.4 table F.7.2-1), read once into the terms the domain speaks. */
export interface PerformedProcedureStep {
  status: 'IN PROGRESS' | 'COMPLETED' | 'DISCONTINUED';
  performedStationAeTitle?: string;
  modality?: string;
  patientId?: string;
  /** Local times without zone, `YYYY-MM-DDTHH:MM:SS`; the modality's clock says no more. */
  startedAt?: string;
  endedAt?: string;
  studyInstanceUid?: string;
  /** The scheduled steps it performs; none for an unscheduled exam. */
  scheduledSteps: {
    studyInstanceUid?: string;
    accessionNumber?: string;
    requestedProcedureId?: string;
    scheduledProcedureStepId?: string;
  }[];
  /** Operators and performing physicians of all its series, each once. */
  performers: NamedPerformer[];
  discontinuationReason?: { code: string; scheme?: string; meaning?: string };
  performedSeries: {
    seriesInstanceUid?: string;
    description?: string;
    instances: { sopClassUid: string; sopInstanceUid: string }[];
  }[];
}

/** Reads an MPPS data set. A status that is none counts as IN PROGRESS: the SCP has refused it before. */
export function performedProcedureStepFrom(dataset: Dataset): PerformedProcedureStep {
  const references = dataset.items('ScheduledStepAttributesSequence').map((item) => ({
    studyInstanceUid: item.text('StudyInstanceUID'),
    accessionNumber: item.text('AccessionNumber'),
    requestedProcedureId: item.text('RequestedProcedureID'),
    scheduledProcedureStepId: item.text('ScheduledProcedureStepID'),
  }));
  const reason = dataset.items('PerformedProcedureStepDiscontinuationReasonCodeSequence')[0];
  const code = reason?.text('CodeValue');
  const status = dataset.text('PerformedProcedureStepStatus');
  return {
    status: status === 'COMPLETED' || status === 'DISCONTINUED' ? status : 'IN PROGRESS',
    performedStationAeTitle: dataset.text('PerformedStationAETitle'),
    modality: dataset.text('Modality'),
    patientId: dataset.text('PatientID'),
    startedAt: localTime(
      dataset.text('PerformedProcedureStepStartDate'),
      dataset.text('PerformedProcedureStepStartTime'),
    ),
    endedAt: localTime(dataset.text('PerformedProcedureStepEndDate'), dataset.text('PerformedProcedureStepEndTime')),
    studyInstanceUid: references.find((one) => one.studyInstanceUid)?.studyInstanceUid,
    // An unscheduled exam still gives its study UID; without a step id or accession number it refers to nothing.
    scheduledSteps: references.filter((one) => one.scheduledProcedureStepId ?? one.accessionNumber),
    performers: performersIn([dataset, ...dataset.items('PerformedSeriesSequence')]),
    ...(code
      ? {
          discontinuationReason: {
            code,
            scheme: reason?.text('CodingSchemeDesignator'),
            meaning: reason?.text('CodeMeaning'),
          },
        }
      : {}),
    performedSeries: dataset.items('PerformedSeriesSequence').map((series) => ({
      seriesInstanceUid: series.text('SeriesInstanceUID'),
      description: series.text('SeriesDescription'),
      instances: [
        ...series.items('ReferencedImageSequence'),
        ...series.items('ReferencedNonImageCompositeSOPInstanceSequence'),
      ].map((one) => ({
        sopClassUid: one.text('ReferencedSOPClassUID') ?? '',
        sopInstanceUid: one.text('ReferencedSOPInstanceUID') ?? '',
      })),
    })),
  };
}

/** Where both are given, names and identifications correspond in number and order (PS3.3 section C.7.3.1). */
function performersIn(parts: readonly Dataset[]): NamedPerformer[] {
  const inOne = (
    part: Dataset,
    role: NamedPerformer['role'],
    names: Keyword,
    identified: Keyword,
  ): NamedPerformer[] => {
    const people = part.items(identified);
    const named = part.texts(names).map((name) => name.trim());
    return Array.from({ length: Math.max(people.length, named.length) }, (_, index) => ({
      role,
      ...(named[index] ? { name: named[index] } : {}),
      codes: (people[index]?.items('PersonIdentificationCodeSequence') ?? []).flatMap((item) => {
        const [code, scheme] = [item.text('CodeValue'), item.text('CodingSchemeDesignator')];
        return code ? [{ code, ...(scheme ? { scheme } : {}) }] : [];
      }),
    }));
  };
  const all = parts.flatMap((part) => [
    ...inOne(part, 'operator', 'OperatorsName', 'OperatorIdentificationSequence'),
    ...inOne(part, 'physician', 'PerformingPhysicianName', 'PerformingPhysicianIdentificationSequence'),
  ]);
  const given = all.filter(({ name, codes }) => name !== undefined || codes.length > 0);
  return [...new Map(given.map((one) => [JSON.stringify(one), one])).values()];
}

function localTime(date: string | undefined, time: string | undefined): string | undefined {
  const [, hours = '', minutes = '00', seconds = '00'] = /^(\d\d)(\d\d)?(\d\d)?/.exec(time ?? '') ?? [];
  if (!/^\d{8}$/.test(date ?? '') || hours === '') return undefined;
  return `${date!.slice(0, 4)}-${date!.slice(4, 6)}-${date!.slice(6)}T${hours}:${minutes}:${seconds}`;
}
