import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import type { FhirResource, ImagingStudy, Patient, Procedure, ServiceRequest } from 'fhir/r4.js';
import { DataSource } from 'typeorm';
import { newEvent, type EventType } from '#events';
import { dicomUidIdentifier, uuidFrom } from '#fhir';
import { KafkaEventStrategy, UnitOfWork } from '#messaging';
import { createLogger, createService, migrate, type Infrastructure, type Site } from '#platform';
import { dropSchema, site as aSite, testBrokers, testDatabaseUrl, testSchema, testTopicPrefix, until } from '#testing';
import { sendMllp } from '../../../test/sandbox/mllp.js';
import { ResultsModule, resultsMigrations } from './results.module.js';

/** A delivery as REST shows it. */
export interface ShownDelivery {
  id: string;
  destination: string;
  key: string;
  state: string;
  attempts: number;
  code: string | null;
  reason: string | null;
}

/** A study looked for as REST shows it. */
export interface ShownLookup {
  studyInstanceUid: string;
  state: string;
  attempts: number;
  code: string | null;
  reason: string | null;
}

let versions = 0;

/** The results service in this process, on the database and broker of the test run; what specs share, no spec. */
export class AResultsService {
  /** Everything it logged. */
  readonly log: string[] = [];

  private constructor(
    private readonly infrastructure: Infrastructure,
    private readonly site: Site,
  ) {}
  private app!: INestApplication;
  private url = '';

  static async start(site: Partial<Site> = {}): Promise<AResultsService> {
    const infrastructure: Infrastructure = {
      service: 'results',
      database: { url: testDatabaseUrl(), schema: testSchema(), poolSize: 10 },
      kafka: { brokers: testBrokers(), topicPrefix: testTopicPrefix() },
      siteFile: '-',
      http: { host: '127.0.0.1', port: 0 },
      mllp: { host: '127.0.0.1', port: 0 },
      apiTokens: {},
      logLevel: 'debug',
    };
    await migrate(infrastructure.database, resultsMigrations);
    const service = new AResultsService(infrastructure, aSite(site));
    await service.run();
    return service;
  }

  /** Stops the service and starts it anew on the same data. */
  async restart(): Promise<void> {
    await this.app.close();
    this.infrastructure.mllp!.port = 0;
    await this.run();
  }

  async stop(): Promise<void> {
    await this.app.close();
    await dropSchema(this.infrastructure.database.schema);
  }

  private async run(): Promise<void> {
    const { infrastructure, site } = this;
    const strategy = (nest: INestApplication) => nest.get(KafkaEventStrategy);
    const logger = createLogger('results', 'debug', { write: (line) => void this.log.push(line) });
    this.app = await createService(
      { service: 'results', module: ResultsModule, migrations: resultsMigrations, strategy },
      { infrastructure, logger, migrations: resultsMigrations, site },
    );
    await this.app.listen(0, '127.0.0.1');
    this.url = `http://127.0.0.1:${(this.app.getHttpServer().address() as AddressInfo).port}`;
  }

  /** What other services publish, in one transaction about one patient; a later call is a later version. */
  async tell(type: EventType, ...resources: FhirResource[]): Promise<void> {
    const version = String(++versions);
    const told = resources.map((one) => ({ ...one, meta: { versionId: version, ...one.meta } }));
    const patientId = told.find(({ resourceType }) => resourceType === 'Patient')!.id!;
    await this.app.get(UnitOfWork).run(patientId, async (transaction) => {
      transaction.publish(newEvent({ type, patientId, cause: version, now: new Date(), resources: told }));
    });
  }

  /** Sends an HL7 message. @returns the acknowledgement, a segment a line */
  async send(message: Buffer): Promise<string[]> {
    return (await sendMllp({ port: this.infrastructure.mllp!.port }, message.toString('utf8'))).split('\r');
  }

  async sql<T>(query: string, parameters: unknown[] = []): Promise<T[]> {
    return this.app.get(DataSource).query(query, parameters);
  }

  /** The resources of what was published of a type about a patient, in order. */
  async published(type: EventType, patient: Patient): Promise<FhirResource[][]> {
    const rows = await this.sql<{ payload: { entry: { resource: FhirResource }[] } }>(
      'SELECT payload FROM outbox WHERE type = $1 AND aggregateid = $2 ORDER BY seq',
      [type, patient.id],
    );
    return rows.map(({ payload }) => payload.entry.slice(1).map(({ resource }) => resource));
  }

  async get<T>(path: string): Promise<T> {
    return (await (await fetch(this.url + path)).json()) as T;
  }

  async post(path: string): Promise<number> {
    return (await fetch(this.url + path, { method: 'POST' })).status;
  }

  /** A patient's deliveries in a state, oldest first. */
  async deliveries(state: string, patient: Patient): Promise<ShownDelivery[]> {
    const { deliveries } = await this.get<{ deliveries: ShownDelivery[] }>(`/deliveries?state=${state}`);
    return deliveries.filter(({ key }) => key === patient.id);
  }

  /** Waits until so many deliveries of a patient are in that state. */
  async delivered(patient: Patient, count: number, state = 'done'): Promise<ShownDelivery[]> {
    const what = `${count} deliveries to be ${state}`;
    return until(async () => {
      const found = await this.deliveries(state, patient);
      return found.length === count && found;
    }, { within: 20_000, what }); // prettier-ignore
  }

  async lookup(state: string, studyInstanceUid: string): Promise<ShownLookup | undefined> {
    const { studies } = await this.get<{ studies: ShownLookup[] }>(`/studies?state=${state}`);
    return studies.find((one) => one.studyInstanceUid === studyInstanceUid);
  }

  /** Waits until the events of a patient told so far have been handled or parked. */
  async handled(patient: Patient): Promise<void> {
    const open = `SELECT FROM outbox WHERE aggregateid = $1 AND aggregatetype <> 'imaging.result' AND NOT EXISTS
      (SELECT FROM inbox WHERE event_id = outbox.id::text) AND NOT EXISTS
      (SELECT FROM parked_event WHERE event_id = outbox.id::text)`;
    await until(async () => (await this.sql(open, [patient.id])).length === 0, { within: 20_000, what: 'events to be handled' }); // prettier-ignore
  }
}

/** An exam as scheduling tells of it, known by its MPPS UID; `orders` are those it performs. */
export function anExam(
  uid: string,
  status: Procedure['status'],
  patient: Patient,
  orders: ServiceRequest[],
): Procedure {
  return {
    resourceType: 'Procedure',
    id: uuidFrom('Procedure', uid),
    identifier: [dicomUidIdentifier(uid)],
    status,
    subject: { reference: `Patient/${patient.id}` },
    basedOn: orders.map(({ id }) => ({ reference: `ServiceRequest/${id}` })),
  };
}

/** The images that a modality says it made of a study: `<study>.1.<n>` in series `<series>`. */
export function anExpectedStudy(
  uid: string,
  patient: Patient,
  orders: ServiceRequest[],
  images: string[],
): ImagingStudy {
  return {
    resourceType: 'ImagingStudy',
    id: uuidFrom('ImagingStudy', uid),
    identifier: [dicomUidIdentifier(uid)],
    status: 'registered',
    subject: { reference: `Patient/${patient.id}` },
    basedOn: orders.map(({ id }) => ({ reference: `ServiceRequest/${id}` })),
    numberOfInstances: images.length,
    series: [
      {
        uid: `${uid}.1`,
        modality: { code: 'CT' },
        instance: images.map((image) => ({ uid: image, sopClass: { code: 'urn:oid:1.2.840.10008.5.1.4.1.1.2' } })),
      },
    ],
  };
}
