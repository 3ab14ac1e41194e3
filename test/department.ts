import { site, siteFile, startService, testTopicPrefix, until, dropSchema } from '#testing';
import type { RunningService } from '#testing';
import type { SiteContent } from '#platform';
import type { Bundle, FhirResource } from 'fhir/r4.js';
import { Client } from 'pg';
import type { Hospital } from './hospital.js';
import { byDcmjs, type DicomAddress, type Dimse } from './sandbox/dimse.js';
import { SandboxEmr } from './sandbox/emr.js';
import { SandboxModality } from './sandbox/modality.js';
import { SandboxPacs } from './sandbox/pacs.js';
import { SandboxScanner, type WorklistLine } from './sandbox/scanner.js';

type ServiceName = 'orders' | 'scheduling' | 'contrast' | 'results';

/** Departments of one hospital share its EMR and PACS: no two may give the same accession number. */
let started = 0;

/** The services as processes, and the hospital around them; everything meets over the wire only. */
export class Department {
  private readonly schemas: string[] = [];

  private constructor(
    readonly services: Partial<Record<ServiceName, RunningService>>,
    readonly emr: SandboxEmr,
    readonly pacs: SandboxPacs,
    readonly env: Record<string, string>,
    private readonly hospital: Hospital,
  ) {
    for (const service of Object.values(services)) this.schemas.push(service.env.DATABASE_SCHEMA!);
  }

  /**
   * Starts the services named, with free ports, schemas and topics of their own. What is not given of the `hospital` is
   * the sandbox's, and its HL7 side always is.
   */
  static async start(
    names: ServiceName[] = ['orders', 'scheduling', 'contrast', 'results'],
    options: {
      site?: Partial<SiteContent>;
      env?: Record<string, string>;
      hospital?: Partial<Hospital>;
    } = {},
  ): Promise<Department> {
    const emr = await new SandboxEmr().start();
    const pacs = await new SandboxPacs().start();
    const hospital: Hospital = {
      emrFhir: { url: emr.fhirUrl, timeoutSeconds: 2 },
      pacs: { host: '127.0.0.1', port: pacs.dicomPort, aeTitle: pacs.aeTitle, qidoUrl: pacs.qidoUrl },
      dimse: byDcmjs,
      ...options.hospital,
    };
    const prefix = `TST${++started}`;
    const content = site({
      accession: { prefix, digits: 11 - prefix.length },
      pacs: {
        name: 'pacs',
        qidoUrl: hospital.pacs.qidoUrl,
        viewerUrl: 'http://viewer.example/{studyInstanceUid}',
        lookup: { firstAfterSeconds: 0, everySeconds: 0.2, giveUpAfterSeconds: 20 },
      },
      destinations: [
        { name: 'emr-fhir', kind: 'fhir', ...hospital.emrFhir },
        {
          name: 'emr-hl7',
          kind: 'mllp',
          host: '127.0.0.1',
          port: emr.mllpPort,
          application: 'EMR',
          facility: 'SGH',
          ackTimeoutSeconds: 2,
        },
      ],
      ...options.site,
    });
    const env = { TOPIC_PREFIX: testTopicPrefix(), SITE_FILE: siteFile(content), ...options.env };
    const services = await Promise.all(names.map(async (name) => [name, await startService(name, { env })] as const));
    return new Department(Object.fromEntries(services), emr, pacs, env, hospital);
  }

  get orders(): RunningService {
    return this.service('orders');
  }
  get scheduling(): RunningService {
    return this.service('scheduling');
  }
  get contrast(): RunningService {
    return this.service('contrast');
  }
  get results(): RunningService {
    return this.service('results');
  }

  /** Where scanners store their images. */
  get pacsAddress(): DicomAddress {
    return this.hospital.pacs;
  }

  /**
   * What the EMR's FHIR server holds of a type now, by a search of its own: whichever server it is.
   *
   * @param by search parameters: `identifier` or `subject`. A real EMR also holds what other journeys told it
   */
  async inEmr<T extends FhirResource['resourceType']>(
    type: T,
    by: { identifier?: string; subject?: string } = {},
  ): Promise<Extract<FhirResource, { resourceType: T }>[]> {
    const found: FhirResource[] = [];
    const query = new URLSearchParams({ ...by, _count: '200' });
    for (let next: string | undefined = `${this.hospital.emrFhir.url}/${type}?${query}`; next;) {
      // A server may answer a search from what it found before.
      const response: Response = await fetch(next, { headers: { 'cache-control': 'no-cache' } });
      if (!response.ok) throw new Error(`the EMR answered ${response.status} to a search of ${type}`);
      const page = (await response.json()) as Bundle<FhirResource>;
      found.push(...(page.entry ?? []).map(({ resource }) => resource!));
      next = page.link?.find(({ relation }) => relation === 'next')?.url;
    }
    return found as never;
  }

  /** What the EMR's FHIR server holds of a type about the patient of that number; nothing where it knows no such patient. */
  async inEmrOf<T extends FhirResource['resourceType']>(
    mrn: string,
    type: T,
  ): Promise<Extract<FhirResource, { resourceType: T }>[]> {
    const [patient] = await this.inEmr('Patient', { identifier: mrn });
    return patient ? this.inEmr(type, { subject: `Patient/${patient.id}` }) : [];
  }

  /** Who speaks for this hospital's modalities. */
  get dimse(): Dimse {
    return this.hospital.dimse;
  }

  scanner(aeTitle = 'CT01'): SandboxScanner {
    return new SandboxScanner(aeTitle, dicomOf(this.scheduling), undefined, this.dimse);
  }

  /** A modality that makes one exposure after the other; its dose reports and rejection notes it stores here. */
  modality(aeTitle: string, kind: SandboxModality['modality']): SandboxModality {
    const archives = { images: this.pacsAddress, documents: dicomOf(this.results) };
    return new SandboxModality(aeTitle, kind, dicomOf(this.scheduling), archives, this.dimse);
  }

  /** Sends an HL7 message to orders, or to results. @returns the acknowledgement */
  send(message: Buffer, to: RunningService = this.orders): Promise<string> {
    return this.emr.send({ port: to.mllpPort }, message.toString('utf8'));
  }

  /** Waits until an order is on a scanner's worklist. */
  onWorklist(placerOrderNumber: string, aeTitle = 'CT01', within = 15_000): Promise<WorklistLine> {
    const what = `order ${placerOrderNumber} on the worklist of ${aeTitle}`;
    return until(
      async () => (await this.worklist(aeTitle)).find((line) => line.placerOrderNumber === placerOrderNumber),
      { within, what, every: 100 },
    );
  }

  worklist(aeTitle = 'CT01'): Promise<WorklistLine[]> {
    return this.scanner(aeTitle).queryWorklist();
  }

  /** One row set of a service's own schema. */
  async rows<T>(service: ServiceName, sql: string): Promise<T[]> {
    const client = new Client({
      connectionString: this.service(service).env.DATABASE_URL,
      options: `-c search_path=${this.service(service).env.DATABASE_SCHEMA}`,
    });
    await client.connect();
    try {
      return (await client.query(sql)).rows as T[];
    } finally {
      await client.end();
    }
  }

  /** A service came back, or was started anew: what is asked of it from now on goes to that process. */
  replace(service: RunningService): void {
    this.services[service.name] = service;
  }

  async stop(): Promise<void> {
    await Promise.all(Object.values(this.services).map((service) => service.stop()));
    await Promise.all([this.emr.stop(), this.pacs.stop()]);
    await Promise.all(this.schemas.map((schema) => dropSchema(schema)));
  }

  private service(name: ServiceName): RunningService {
    const service = this.services[name];
    if (!service) throw new Error(`${name} was not started for this test`);
    return service;
  }
}

/** Where a service answers modalities. */
export function dicomOf({ dicomPort }: RunningService): DicomAddress {
  return { host: '127.0.0.1', port: dicomPort, aeTitle: 'COLLIMATOR' };
}

/** MSA-1 of an acknowledgement. */
export function acknowledgedAs(acknowledgement: string): string | undefined {
  return /(?:^|\r)MSA\|([A-Z]{2})/.exec(acknowledgement)?.[1];
}
