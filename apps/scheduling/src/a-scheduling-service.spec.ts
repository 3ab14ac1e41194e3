import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import type { Encounter, FhirResource, Patient, Procedure, ServiceRequest } from 'fhir/r4.js';
import { DataSource } from 'typeorm';
import { Dataset, sopClasses, ScuAssociation, type DatasetInput, type ScuResponse } from '#dicom';
import { newEvent, type EventType } from '#events';
import { KafkaEventStrategy, UnitOfWork } from '#messaging';
import { createLogger, createService, migrate, type Infrastructure, type Site } from '#platform';
import { dropSchema, site as aSite, testBrokers, testDatabaseUrl, testSchema, testTopicPrefix, until } from '#testing';
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

let versions = 0;

/** The scheduling service in this process, on the database and broker of the test run; what specs share, no spec. */
export class ASchedulingService {
  private readonly associations = new Map<string, Promise<ScuAssociation>>();

  private constructor(
    readonly app: INestApplication,
    readonly infrastructure: Infrastructure,
    readonly url: string,
  ) {}

  static async start(site: Partial<Site> = {}): Promise<ASchedulingService> {
    const infrastructure: Infrastructure = {
      service: 'scheduling',
      database: { url: testDatabaseUrl(), schema: testSchema(), poolSize: 10 },
      kafka: { brokers: testBrokers(), topicPrefix: testTopicPrefix() },
      siteFile: '-',
      http: { host: '127.0.0.1', port: 0 },
      dicom: { host: '127.0.0.1', port: 0, aeTitle: 'COLLIMATOR' },
      apiTokens: {},
      logLevel: process.env.TEST_LOG_LEVEL ?? 'silent',
    };
    await migrate(infrastructure.database, schedulingMigrations);
    const app = await createService(
      {
        service: 'scheduling',
        module: SchedulingModule,
        migrations: schedulingMigrations,
        strategy: (nest) => nest.get(KafkaEventStrategy),
      },
      {
        infrastructure,
        logger: createLogger('scheduling', infrastructure.logLevel),
        migrations: schedulingMigrations,
        site: aSite(site),
      },
    );
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    return new ASchedulingService(app, infrastructure, `http://127.0.0.1:${port}`);
  }

  async stop(): Promise<void> {
    for (const association of this.associations.values()) (await association).destroy();
    await this.app.close();
    await dropSchema(this.infrastructure.database.schema);
  }

  /** What orders publishes; a later call is a later version of what it carries. */
  async tell(type: EventType, resources: (ServiceRequest | Patient | Encounter)[]): Promise<void> {
    const version = String(++versions);
    const told = resources.map((one) => ({ ...one, meta: { versionId: version, ...one.meta } }));
    const patient = told.find(({ resourceType }) => resourceType === 'Patient')!;
    await this.app.get(UnitOfWork).run(patient.id!, async (transaction) => {
      const event = { type, patientId: patient.id!, cause: version, now: new Date(), resources: told };
      transaction.publish(newEvent(event));
    });
  }

  async sql<T>(query: string, parameters: unknown[] = []): Promise<T[]> {
    return this.app.get(DataSource).query(query, parameters);
  }

  /** What was published of a type, in order. */
  async published(type: EventType): Promise<FhirResource[][]> {
    const rows = await this.sql<{ payload: { entry: { resource: FhirResource }[] } }>(
      'SELECT payload FROM outbox WHERE type = $1 ORDER BY seq',
      [type],
    );
    return rows.map(({ payload }) => payload.entry.slice(1).map(({ resource }) => resource));
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
