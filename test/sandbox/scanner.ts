import { randomUUID } from 'node:crypto';
import { ctDoseReport, type CtDose } from './ct-dose-report.js';
import { ctImages } from './ct-images.js';
import { byDcmjs, type DicomAddress, type Dimse, type DimseAnswer, type Elements } from './dimse.js';
import { Journal } from './journal.js';

const PENDING = [0xff00, 0xff01];

/** One worklist line as the technologist sees it. */
export interface WorklistLine {
  patientName: string;
  patientId: string;
  accessionNumber: string;
  studyInstanceUid: string;
  placerOrderNumber: string;
  stepId: string;
  procedure: string;
  start: string;
  /** The whole answer, by DICOM keyword. */
  elements: Elements;
}

/** An exam that the scanner has begun. */
export interface RunningExam {
  line: WorklistLine;
  mppsUid: string;
  images: { seriesInstanceUid: string; sopInstanceUids: string[] };
}

/** A CT scanner of the sandbox hospital. */
export class SandboxScanner {
  constructor(
    readonly aeTitle: string,
    private readonly worklist: DicomAddress,
    readonly journal = new Journal(),
    private readonly dimse: Dimse = byDcmjs,
  ) {}

  /** Asks for its own worklist and notes it in the journal; further keys narrow it. */
  async queryWorklist(keys: Elements = {}): Promise<WorklistLine[]> {
    const lines = await this.askWorklist(keys);
    this.journal.write('scanner', `${this.aeTitle} asks for its worklist, gets ${lines.length} item(s)`, lines);
    return lines;
  }

  /** Asks for its own worklist, for polling: without a note in the journal. */
  async askWorklist(keys: Elements = {}): Promise<WorklistLine[]> {
    const answers = await this.dimse.find(this.aeTitle, this.worklist, {
      ...worklistKeys,
      ...keys,
      ScheduledProcedureStepSequence: [{ ...stepKeys, ScheduledStationAETitle: this.aeTitle }],
    });
    const failed = answers.find(({ status }) => status !== 0 && !PENDING.includes(status));
    if (failed || answers.length === 0)
      throw new Error(`the worklist query ended with ${failed ? hex(failed.status) : 'no answer'}`);
    return answers.filter(({ status }) => PENDING.includes(status)).map(({ elements }) => lineOf(elements));
  }

  /** Tells that the exam has begun (MPPS N-CREATE). */
  async start(line: WorklistLine, mppsUid = newUid()): Promise<RunningExam> {
    const exam = { line, mppsUid, images: { seriesInstanceUid: newUid(), sopInstanceUids: [newUid(), newUid()] } };
    const attributes = inProgress(exam, this.aeTitle, new Date());
    const answer = await this.dimse.report(this.aeTitle, this.worklist, 'create', mppsUid, attributes);
    this.isTaken(answer, `begins the exam of ${line.placerOrderNumber} (MPPS IN PROGRESS)`);
    return exam;
  }

  /** Tells that the exam is done, with the images it made (MPPS N-SET). */
  complete(exam: RunningExam): Promise<void> {
    return this.end(exam, { PerformedProcedureStepStatus: 'COMPLETED' });
  }

  /** Tells that the exam was given up (MPPS N-SET) for a reason of CID 9300. */
  discontinue(exam: RunningExam, reason: { code: string; meaning: string }): Promise<void> {
    return this.end(exam, {
      PerformedProcedureStepStatus: 'DISCONTINUED',
      PerformedProcedureStepDiscontinuationReasonCodeSequence: [
        { CodeValue: reason.code, CodingSchemeDesignator: 'DCM', CodeMeaning: reason.meaning },
      ],
    });
  }

  /** Stores the exam's images (C-STORE) in a PACS. */
  async storeImages(exam: RunningExam, pacs: DicomAddress): Promise<void> {
    const images = ctImages(exam.line, exam.images);
    const answers = await this.dimse.store(this.aeTitle, pacs, images);
    const failed = answers.find(({ status }) => status !== 0);
    if (failed || answers.length !== images.length) throw new Error('the PACS did not store every image');
    this.journal.write('scanner', `${this.aeTitle} stores ${images.length} images in the PACS (C-STORE)`);
  }

  /** Stores the exam's radiation dose report (C-STORE) where doses are managed. */
  async storeDoseReport(exam: RunningExam, to: DicomAddress, dose: CtDose): Promise<void> {
    const uids = { seriesInstanceUid: newUid(), sopInstanceUid: newUid(), eventUid: newUid() };
    const [answer] = await this.dimse.store(this.aeTitle, to, [ctDoseReport(exam.line, uids, dose)]);
    if (answer?.status !== 0) throw new DimseRefused(answer);
    this.journal.write('scanner', `${this.aeTitle} stores its radiation dose report in ${to.aeTitle} (C-STORE)`);
  }

  private async end(exam: RunningExam, status: Elements): Promise<void> {
    const attributes = { ...ended(exam, new Date()), ...status };
    const answer = await this.dimse.report(this.aeTitle, this.worklist, 'set', exam.mppsUid, attributes);
    this.isTaken(
      answer,
      `ends the exam of ${exam.line.placerOrderNumber} (MPPS ${status.PerformedProcedureStepStatus})`,
    );
  }

  private isTaken(answer: DimseAnswer | undefined, what: string): void {
    this.journal.write('scanner', `${this.aeTitle} ${what}, gets ${answer ? hex(answer.status) : 'no answer'}`);
    if (answer?.status !== 0) throw new DimseRefused(answer);
  }
}

/** The server answered a failure status. */
export class DimseRefused extends Error {
  readonly status: number | undefined;
  constructor(answer: DimseAnswer | undefined) {
    super(answer ? `refused with ${hex(answer.status)} ${answer.comment ?? ''}` : 'not answered');
    this.status = answer?.status;
  }
}

/** A UID nobody else has (DICOM PS3.5 section B.2). */
export function newUid(): string {
  return `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;
}

const worklistKeys = {
  SpecificCharacterSet: 'ISO_IR 192',
  PatientName: '',
  PatientID: '',
  IssuerOfPatientID: '',
  PatientBirthDate: '',
  PatientSex: '',
  AccessionNumber: '',
  StudyInstanceUID: '',
  RequestedProcedureID: '',
  RequestedProcedureDescription: '',
  RequestedProcedurePriority: '',
  RequestedContrastAgent: '',
  ReferringPhysicianName: '',
  PlacerOrderNumberImagingServiceRequest: '',
};

const stepKeys = {
  Modality: '',
  ScheduledProcedureStepStartDate: '',
  ScheduledProcedureStepStartTime: '',
  ScheduledProcedureStepID: '',
  ScheduledProcedureStepDescription: '',
  ScheduledStationName: '',
  PreMedication: '',
};

function lineOf(elements: Elements): WorklistLine {
  const step = first(elements.ScheduledProcedureStepSequence);
  return {
    patientName: text(elements.PatientName),
    patientId: text(elements.PatientID),
    accessionNumber: text(elements.AccessionNumber),
    studyInstanceUid: text(elements.StudyInstanceUID),
    placerOrderNumber: text(elements.PlacerOrderNumberImagingServiceRequest),
    stepId: text(step.ScheduledProcedureStepID),
    procedure: text(elements.RequestedProcedureDescription) || text(step.ScheduledProcedureStepDescription),
    start: `${text(step.ScheduledProcedureStepStartDate)} ${text(step.ScheduledProcedureStepStartTime)}`.trim(),
    elements,
  };
}

/** IHE RAD-6: what a modality must say when it begins. */
function inProgress({ line, mppsUid }: RunningExam, aeTitle: string, now: Date): Elements {
  const { elements } = line;
  return {
    SpecificCharacterSet: 'ISO_IR 192',
    PatientName: line.patientName,
    PatientID: line.patientId,
    PatientBirthDate: text(elements.PatientBirthDate),
    PatientSex: text(elements.PatientSex),
    ScheduledStepAttributesSequence: [
      {
        StudyInstanceUID: line.studyInstanceUid,
        AccessionNumber: line.accessionNumber,
        RequestedProcedureID: text(elements.RequestedProcedureID),
        RequestedProcedureDescription: text(elements.RequestedProcedureDescription),
        ScheduledProcedureStepID: line.stepId,
        ScheduledProcedureStepDescription: line.procedure,
      },
    ],
    PerformedProcedureStepID: mppsUid.slice(-16),
    PerformedStationAETitle: aeTitle,
    PerformedStationName: aeTitle,
    PerformedProcedureStepStartDate: date(now),
    PerformedProcedureStepStartTime: time(now),
    PerformedProcedureStepStatus: 'IN PROGRESS',
    PerformedProcedureStepDescription: line.procedure,
    PerformedProcedureStepEndDate: '',
    PerformedProcedureStepEndTime: '',
    Modality: 'CT',
    StudyID: '',
    PerformedSeriesSequence: [],
  };
}

function ended({ images, line }: RunningExam, now: Date): Elements {
  return {
    PerformedProcedureStepEndDate: date(now),
    PerformedProcedureStepEndTime: time(now),
    PerformedSeriesSequence: [
      {
        PerformingPhysicianName: '',
        OperatorsName: 'TECHNOLOGIST^SANDBOX',
        ProtocolName: line.procedure || 'CT',
        SeriesInstanceUID: images.seriesInstanceUid,
        SeriesDescription: 'Axial',
        RetrieveAETitle: '',
        ReferencedImageSequence: images.sopInstanceUids.map((uid) => ({
          ReferencedSOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
          ReferencedSOPInstanceUID: uid,
        })),
        ReferencedNonImageCompositeSOPInstanceSequence: [],
      },
    ],
  };
}

function first(sequence: unknown): Elements {
  return ((Array.isArray(sequence) ? sequence[0] : sequence) ?? {}) as Elements;
}

/** A person name may come as text or by its component groups. */
function text(value: unknown): string {
  const one = Array.isArray(value) ? value[0] : value;
  if (one && typeof one === 'object' && 'Alphabetic' in one) return String(one.Alphabetic).trim();
  return one === undefined || one === null ? '' : String(one).trim();
}

const date = (now: Date): string => now.toISOString().slice(0, 10).replaceAll('-', '');
const time = (now: Date): string => now.toISOString().slice(11, 19).replaceAll(':', '');
const hex = (status: number): string => `0x${status.toString(16).padStart(4, '0')}`;
