import type { FhirResource, Procedure } from 'fhir/r4.js';
import { Dataset, sopClasses, ScuAssociation, type DatasetInput, type ScuResponse } from '#dicom';
import type { SiteContent } from '#platform';
import { AService, until } from '#testing';
import { sendMllp } from '../../../test/sandbox/mllp.js';
import { SchedulingModule, schedulingMigrations } from './scheduling.module.js';

/** What a modality asks to see. */
const returnKeys: DatasetInput = {
  PatientName: '',
  PatientID: '',
  AccessionNumber: '',
  StudyInstanceUID: '',
  RequestedProcedureID: '',
  RequestedProcedurePriority: '',
  RequestedContrastAgent: '',
  CurrentPatientLocation: '',
  Allergies: '',
  MedicalAlerts: '',
  PatientWeight: '',
  PregnancyStatus: '',
  PatientSex: '',
};
const returnStepKeys: DatasetInput = {
  Modality: '',
  ScheduledStationAETitle: '',
  ScheduledProcedureStepStartDate: '',
  ScheduledProcedureStepStartTime: '',
  ScheduledProcedureStepID: '',
  ScheduledProcedureStepStatus: '',
  ScheduledProtocolCodeSequence: [],
  PreMedication: '',
};

/** The scheduling service in this process; what specs share, no spec. */
export class ASchedulingService extends AService {
  private readonly associations = new Map<string, Promise<ScuAssociation>>();

  static start(site: Partial<SiteContent> = {}): Promise<ASchedulingService> {
    const mllp = { host: '127.0.0.1', port: 0 };
    const listeners = { mllp, dicom: { host: '127.0.0.1', port: 0, aeTitle: 'COLLIMATOR' } };
    const parts = { service: 'scheduling', module: SchedulingModule, migrations: schedulingMigrations, listeners };
    return new ASchedulingService(parts, site).begin();
  }

  override async restart(): Promise<void> {
    await this.hangUp();
    await super.restart();
  }

  override async stop(): Promise<void> {
    await this.hangUp();
    await super.stop();
  }

  /** C-FIND on an association as that station. */
  async find(query: DatasetInput = {}, step: DatasetInput = {}, aeTitle = 'CT01'): Promise<Dataset[]> {
    const association = await this.association(aeTitle);
    const responses = await association.findWorklist({
      ...returnKeys,
      ...query,
      ScheduledProcedureStepSequence: [{ ...returnStepKeys, ...step }],
    });
    if (responses.at(-1)!.status !== 0) throw new Error(`C-FIND ended with ${responses.at(-1)!.status}`);
    return responses.flatMap(({ dataset }) => dataset ?? []);
  }

  /** Waits until an order is on the worklist, or is not. */
  async listed(accessionNumber: string, condition: (item: Dataset) => boolean = () => true): Promise<Dataset> {
    const what = `${accessionNumber} on the worklist`;
    return until(async () => (await this.find({ AccessionNumber: accessionNumber })).find(condition), { what });
  }
  async unlisted(accessionNumber: string): Promise<void> {
    const what = `${accessionNumber} off the worklist`;
    await until(async () => (await this.find({ AccessionNumber: accessionNumber })).length === 0, { what });
  }

  /** N-CREATE, in progress at CT01 unless told otherwise. */
  async create(uid: string | undefined, items: Dataset[], overrides: DatasetInput = {}): Promise<ScuResponse> {
    const association = await this.association('CT01');
    return association.createMpps(uid, {
      PatientID: items[0]?.text('PatientID'),
      PerformedStationAETitle: 'CT01',
      PerformedProcedureStepStartDate: '20260302',
      PerformedProcedureStepStartTime: '090000',
      PerformedProcedureStepStatus: 'IN PROGRESS',
      PerformedProcedureStepID: 'PPS1',
      Modality: 'CT',
      ScheduledStepAttributesSequence: items.map((item) => ({
        StudyInstanceUID: item.text('StudyInstanceUID'),
        AccessionNumber: item.text('AccessionNumber'),
        RequestedProcedureID: item.text('RequestedProcedureID'),
        ScheduledProcedureStepID: item.items('ScheduledProcedureStepSequence')[0]!.text('ScheduledProcedureStepID'),
      })),
      PerformedSeriesSequence: [],
      ...overrides,
    });
  }

  /** Sends an HL7 message. @returns the acknowledgement, a segment a line */
  async take(message: Buffer): Promise<string[]> {
    return (await sendMllp({ port: this.infrastructure.mllp!.port }, message.toString('utf8'))).split('\r');
  }

  /** N-SET. */
  async set(uid: string, modification: DatasetInput): Promise<ScuResponse> {
    return (await this.association('CT01')).setMpps(uid, modification);
  }

  async read<R extends FhirResource>(type: R['resourceType'], query: string): Promise<R[]> {
    const bundle = await (await fetch(`${this.url}/fhir/${type}?${query}`)).json();
    return ((bundle as { entry?: { resource: R }[] }).entry ?? []).map(({ resource }) => resource);
  }

  procedures(mppsUid: string): Promise<Procedure[]> {
    return this.read<Procedure>('Procedure', `identifier=${encodeURIComponent(`urn:dicom:uid|urn:oid:${mppsUid}`)}`);
  }

  private async hangUp(): Promise<void> {
    for (const association of this.associations.values()) (await association).destroy();
    this.associations.clear();
  }

  private association(aeTitle: string): Promise<ScuAssociation> {
    const { dicom } = this.infrastructure;
    const options = { host: '127.0.0.1', port: dicom!.port, callingAeTitle: aeTitle, calledAeTitle: 'COLLIMATOR' };
    const open =
      this.associations.get(aeTitle) ??
      ScuAssociation.open(options, [sopClasses.modalityWorklist, sopClasses.modalityPerformedProcedureStep]);
    this.associations.set(aeTitle, open);
    return open;
  }
}
