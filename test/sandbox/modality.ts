import { ctImages } from './ct-images.js';
import { byDcmjs, type DicomAddress, type DimseAnswer, type Elements } from './dimse.js';
import { DimseRefused, newUid, SandboxScanner, type WorklistLine } from './scanner.js';

const KEY_OBJECT_SELECTION = '1.2.840.10008.5.1.4.1.1.88.59';
const DOSE_REPORT = '1.2.840.10008.5.1.4.1.1.88.67';
const imageClass = { DX: '1.2.840.10008.5.1.4.1.1.1.1', CT: '1.2.840.10008.5.1.4.1.1.2' } as const;

/** An image that a modality made, with the irradiation event it was made by. */
export interface Exposure {
  sopInstanceUid: string;
  eventUid: string;
}

/** An exam at a {@link SandboxModality}: whose it is is what its worklist line says. */
export interface ModalityExam {
  line: WorklistLine;
  mppsUid: string;
  seriesInstanceUid: string;
  exposures: Exposure[];
}

/**
 * A modality of the sandbox hospital that makes one exposure after the other, reports its dose and rejects images: what
 * {@link SandboxScanner} does not, which makes a whole exam at once.
 */
export class SandboxModality {
  private readonly scanner: SandboxScanner;

  /**
   * @param worklist where it asks for its worklist and reports exams
   * @param archives where it stores images, dose reports and rejection notes; who takes which kind
   */
  constructor(
    readonly aeTitle: string,
    readonly modality: keyof typeof imageClass,
    private readonly worklist: DicomAddress,
    private readonly archives: { images: DicomAddress; documents: DicomAddress },
    private readonly dimse = byDcmjs,
  ) {
    this.scanner = new SandboxScanner(aeTitle, worklist, undefined, dimse);
  }

  queryWorklist(keys: Elements = {}): Promise<WorklistLine[]> {
    return this.scanner.queryWorklist(keys);
  }

  /** Begins the exam of a worklist line (MPPS N-CREATE). */
  async start(line: WorklistLine): Promise<ModalityExam> {
    const exam = { line, mppsUid: newUid(), seriesInstanceUid: newUid(), exposures: [] };
    await this.report('create', exam, { ...this.inProgress(exam), PerformedSeriesSequence: [] });
    return exam;
  }

  /** Makes an image and stores it. */
  async expose(exam: ModalityExam): Promise<Exposure> {
    const exposure = { sopInstanceUid: newUid(), eventUid: newUid() };
    exam.exposures.push(exposure);
    const uids = [exposure.sopInstanceUid];
    const images = ctImages(exam.line, { seriesInstanceUid: exam.seriesInstanceUid, sopInstanceUids: uids });
    const own = { SOPClassUID: imageClass[this.modality], Modality: this.modality, ...this.device() };
    for (const image of images)
      await this.store({ ...image, ...own, InstanceNumber: String(exam.exposures.length) }, this.archives.images);
    return exposure;
  }

  /** Ends the exam with all the images it made, rejected ones too (MPPS N-SET). */
  complete(exam: ModalityExam): Promise<void> {
    return this.end(exam, { PerformedProcedureStepStatus: 'COMPLETED' });
  }

  /** Gives the exam up for a reason of CID 9300 (MPPS N-SET). */
  discontinue(exam: ModalityExam, code: string, meaning: string): Promise<void> {
    return this.end(exam, {
      PerformedProcedureStepStatus: 'DISCONTINUED',
      PerformedProcedureStepDiscontinuationReasonCodeSequence: coded(code, meaning),
    });
  }

  /** Says that images are not to be used: a Key Object Selection with that title (IHE IOCM), for a reason of its own. */
  async reject(exam: ModalityExam, exposures: readonly Exposure[], title: string, reason?: string): Promise<void> {
    const modifier = reason
      ? [
          {
            RelationshipType: 'HAS CONCEPT MOD',
            ValueType: 'CODE',
            ConceptNameCodeSequence: coded('113011', 'Document Title Modifier'),
            ConceptCodeSequence: coded(reason, 'reason'),
          },
        ]
      : [];
    const references = exposures.map(({ sopInstanceUid }) => ({
      RelationshipType: 'CONTAINS',
      ValueType: 'IMAGE',
      ReferencedSOPSequence: [this.referenceTo(sopInstanceUid)],
    }));
    const note = this.document(exam, KEY_OBJECT_SELECTION, 'KO', {
      ValueType: 'CONTAINER',
      ContinuityOfContent: 'SEPARATE',
      ConceptNameCodeSequence: coded(title, 'Rejected'),
      CurrentRequestedProcedureEvidenceSequence: [
        {
          StudyInstanceUID: exam.line.studyInstanceUid,
          ReferencedSeriesSequence: [
            {
              SeriesInstanceUID: exam.seriesInstanceUid,
              ReferencedSOPSequence: exposures.map(({ sopInstanceUid }) => this.referenceTo(sopInstanceUid)),
            },
          ],
        },
      ],
      ContentSequence: [...modifier, ...references],
    });
    await this.store(note, this.archives.documents);
  }

  /**
   * Reports the dose of all exposures of the exam until now (X-Ray Radiation Dose SR): as a CT by its dose length product
   * in mGy.cm, as a radiograph by its dose area product in Gy.m2, of each exposure.
   *
   * @returns the report, to be stored again as it is
   */
  async reportDose(exam: ModalityExam, ofEach: number): Promise<Elements> {
    const isCt = this.modality === 'CT';
    const events = exam.exposures.map(({ eventUid }) =>
      isCt ? ctEvent(eventUid, ofEach) : xRayEvent(eventUid, ofEach),
    );
    const total = ofEach * exam.exposures.length;
    const totals = isCt
      ? container('113811', [num('113812', events.length, '{events}'), num('113813', total, 'mGy.cm')])
      : container('113702', [num('113722', total, 'Gy.m2')]);
    const report = this.document(exam, DOSE_REPORT, 'SR', {
      ValueType: 'CONTAINER',
      ContinuityOfContent: 'SEPARATE',
      CompletionFlag: 'COMPLETE',
      VerificationFlag: 'UNVERIFIED',
      ConceptNameCodeSequence: coded('113701', 'X-Ray Radiation Dose Report'),
      ContentSequence: [totals, ...events],
    });
    await this.storeDocument(report);
    return report;
  }

  /** Stores a document that it made before, once more. */
  storeDocument(document: Elements): Promise<void> {
    return this.store(document, this.archives.documents);
  }

  private referenceTo(sopInstanceUid: string): Elements {
    return { ReferencedSOPClassUID: imageClass[this.modality], ReferencedSOPInstanceUID: sopInstanceUid };
  }

  private device(): Elements {
    return { StationName: this.aeTitle, Manufacturer: 'Sandbox', DetectorID: `${this.aeTitle}-1` };
  }

  private document({ line }: ModalityExam, sopClass: string, modality: string, content: Elements): Elements {
    return {
      SpecificCharacterSet: 'ISO_IR 192',
      SOPClassUID: sopClass,
      SOPInstanceUID: newUid(),
      StudyInstanceUID: line.studyInstanceUid,
      SeriesInstanceUID: newUid(),
      StudyID: '1',
      SeriesNumber: '99',
      InstanceNumber: '1',
      Modality: modality,
      PatientName: line.patientName,
      PatientID: line.patientId,
      PatientBirthDate: '19700131',
      PatientSex: 'F',
      AccessionNumber: line.accessionNumber,
      StudyDate: today(),
      StudyTime: timeNow(),
      ContentDate: today(),
      ContentTime: timeNow(),
      ...this.device(),
      ...content,
    };
  }

  private async store(elements: Elements, to: DicomAddress): Promise<void> {
    const [answer] = await this.dimse.store(this.aeTitle, to, [elements]);
    isTaken(answer);
  }

  private async end(exam: ModalityExam, status: Elements): Promise<void> {
    await this.report('set', exam, {
      PerformedProcedureStepEndDate: today(),
      PerformedProcedureStepEndTime: timeNow(),
      PerformedSeriesSequence:
        exam.exposures.length === 0
          ? []
          : [
              {
                PerformingPhysicianName: '',
                OperatorsName: 'TECHNOLOGIST^SANDBOX',
                ProtocolName: exam.line.procedure || this.modality,
                SeriesInstanceUID: exam.seriesInstanceUid,
                SeriesDescription: 'Images',
                RetrieveAETitle: '',
                ReferencedImageSequence: exam.exposures.map(({ sopInstanceUid }) => this.referenceTo(sopInstanceUid)),
                ReferencedNonImageCompositeSOPInstanceSequence: [],
              },
            ],
      ...status,
    });
  }

  /** IHE RAD-6: what a modality must say when it begins. */
  private inProgress({ line, mppsUid }: ModalityExam): Elements {
    return {
      SpecificCharacterSet: 'ISO_IR 192',
      PatientName: line.patientName,
      PatientID: line.patientId,
      PatientBirthDate: '',
      PatientSex: '',
      ScheduledStepAttributesSequence: [
        {
          StudyInstanceUID: line.studyInstanceUid,
          AccessionNumber: line.accessionNumber,
          RequestedProcedureID: '',
          RequestedProcedureDescription: line.procedure,
          ScheduledProcedureStepID: line.stepId,
          ScheduledProcedureStepDescription: line.procedure,
        },
      ],
      PerformedProcedureStepID: mppsUid.slice(-16),
      PerformedStationAETitle: this.aeTitle,
      PerformedStationName: this.aeTitle,
      PerformedProcedureStepStartDate: today(),
      PerformedProcedureStepStartTime: timeNow(),
      PerformedProcedureStepStatus: 'IN PROGRESS',
      PerformedProcedureStepDescription: line.procedure,
      PerformedProcedureStepEndDate: '',
      PerformedProcedureStepEndTime: '',
      Modality: this.modality,
      StudyID: '',
    };
  }

  private async report(operation: 'create' | 'set', { mppsUid }: ModalityExam, elements: Elements): Promise<void> {
    isTaken(await this.dimse.report(this.aeTitle, this.worklist, operation, mppsUid, elements));
  }
}

function isTaken(answer: DimseAnswer | undefined): void {
  if (answer?.status !== 0) throw new DimseRefused(answer);
}

const coded = (code: string, meaning: string) => [
  { CodeValue: code, CodingSchemeDesignator: 'DCM', CodeMeaning: meaning },
];

const item = (type: string, concept: string, value: Elements) => ({
  RelationshipType: 'CONTAINS',
  ValueType: type,
  ConceptNameCodeSequence: coded(concept, 'concept'),
  ...value,
});
const container = (concept: string, content: Elements[]) => item('CONTAINER', concept, { ContentSequence: content });
const num = (concept: string, value: number, unit: string) =>
  item('NUM', concept, {
    MeasuredValueSequence: [
      {
        // As long as VR DS.
        NumericValue: String(Number(value.toPrecision(6))),
        MeasurementUnitsCodeSequence: [{ CodeValue: unit, CodingSchemeDesignator: 'UCUM', CodeMeaning: unit }],
      },
    ],
  });
const uid = (concept: string, value: string) => item('UIDREF', concept, { UID: value });

/** TID 10013, as far as a dose needs it. */
const ctEvent = (eventUid: string, dlp: number) =>
  container('113819', [
    item('TEXT', '125203', { TextValue: 'Chest' }),
    uid('113769', eventUid),
    container('113829', [num('113830', 5, 'mGy'), num('113838', dlp, 'mGy.cm')]),
  ]);

/** TID 10003, as far as a dose needs it. */
const xRayEvent = (eventUid: string, dap: number) =>
  container('113706', [uid('113769', eventUid), num('122130', dap, 'Gy.m2')]);

const today = () => new Date().toISOString().slice(0, 10).replaceAll('-', '');
const timeNow = () => new Date().toISOString().slice(11, 19).replaceAll(':', '');
