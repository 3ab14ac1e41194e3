import type { ImagingStudy, Patient, Procedure, ServiceRequest } from 'fhir/r4.js';
import { ScuAssociation, type DatasetInput } from '#dicom';
import { dicomUidIdentifier, uuidFrom } from '#fhir';
import type { Infrastructure, SiteContent } from '#platform';
import { AService, until } from '#testing';
import { SandboxEmr } from '../../../test/sandbox/emr.js';
import { sendMllp } from '../../../test/sandbox/mllp.js';
import { resultsBeside, ResultsModule, resultsMigrations } from './results.module.js';

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

/** The results service in this process; what specs share, no spec. */
export class AResultsService extends AService {
  static start(site: Partial<SiteContent> = {}, apiTokens: Infrastructure['apiTokens'] = {}): Promise<AResultsService> {
    const listeners = {
      mllp: { host: '127.0.0.1', port: 0 },
      dicom: { host: '127.0.0.1', port: 0, aeTitle: 'COLLIMATOR' },
    };
    const parts = {
      service: 'results',
      module: ResultsModule,
      migrations: resultsMigrations,
      beside: resultsBeside,
      listeners,
    };
    const service = new AResultsService(parts, site);
    service.infrastructure.apiTokens = apiTokens;
    return service.begin();
  }

  /** A results service and the one EMR that it tells everything, by FHIR or by HL7 v2. */
  static async tellingEmr(kind: 'fhir' | 'mllp'): Promise<{ emr: SandboxEmr; service: AResultsService }> {
    const emr = await new SandboxEmr().start();
    const byHl7 = {
      host: '127.0.0.1',
      port: emr.mllpPort,
      application: 'EMR',
      facility: 'SGH',
      ackTimeoutSeconds: 0.3,
    };
    const destination =
      kind === 'fhir'
        ? ({ name: 'emr', kind, url: emr.fhirUrl, timeoutSeconds: 2 } as const)
        : ({ name: 'emr', kind, ...byHl7 } as const);
    return { emr, service: await AResultsService.start({ destinations: [destination] }) };
  }

  /** Tells of an order as the service orders does, and waits until it is known. */
  async place({ order, patient }: { order: ServiceRequest; patient: Patient }): Promise<void> {
    await this.tell('imaging.order.placed.v1', order, patient);
    await this.handled(patient);
  }

  /** Sends an HL7 message. @returns the acknowledgement, a segment a line */
  async take(message: Buffer): Promise<string[]> {
    return (await sendMllp({ port: this.infrastructure.mllp!.port }, message.toString('utf8'))).split('\r');
  }

  /** Stores a document by C-STORE. @returns the status */
  async store(document: DatasetInput, callingAeTitle = 'CT01'): Promise<number> {
    const to = {
      host: '127.0.0.1',
      port: this.infrastructure.dicom!.port,
      callingAeTitle,
      calledAeTitle: 'COLLIMATOR',
    };
    const sopClass = document.SOPClassUID as string;
    const association = await ScuAssociation.open(to, [sopClass]);
    const { status } = await association.store(sopClass, document.SOPInstanceUID as string, document);
    await association.release();
    return status;
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
    return until(
      async () => {
        const found = await this.deliveries(state, patient);
        return found.length === count && found;
      },
      { within: 20_000, what },
    );
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
    await until(async () => (await this.sql(open, [patient.id])).length === 0, {
      within: 20_000,
      what: 'events to be handled',
    });
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
