import { site, siteFile, startService, testTopicPrefix, until, dropSchema } from '#testing';
import type { RunningService } from '#testing';
import type { SiteContent } from '#platform';
import type { Bundle, FhirResource } from 'fhir/r4.js';
import { Client } from 'pg';
import type { DicomAddress } from './sandbox/dimse.js';
import { SandboxEmr } from './sandbox/emr.js';
import { SandboxPacs } from './sandbox/pacs.js';
import { SandboxScanner, type WorklistLine } from './sandbox/scanner.js';

type ServiceName = 'orders' | 'scheduling' | 'contrast' | 'results';

/** The services as processes, and the hospital around them; everything meets over the wire only. */
export class Department {
  private readonly schemas: string[] = [];

  private constructor(
    readonly services: Partial<Record<ServiceName, RunningService>>,
    readonly emr: SandboxEmr,
    readonly pacs: SandboxPacs,
    readonly env: Record<string, string>,
    private readonly emrUrl: string,
  ) {
    for (const service of Object.values(services)) this.schemas.push(service.env.DATABASE_SCHEMA!);
  }

  /**
   * Starts the services named, with free ports, schemas and topics of their own. What the EMR gets by FHIR goes to
   * `emrFhir` where it is given, else to the sandbox EMR; studies are looked up at `qidoUrl`, else in the sandbox PACS.
   */
  static async start(
    names: ServiceName[] = ['orders', 'scheduling', 'contrast', 'results'],
    options: {
      site?: Partial<SiteContent>;
      env?: Record<string, string>;
      qidoUrl?: string;
      emrFhir?: { url: string; timeoutSeconds: number };
    } = {},
  ): Promise<Department> {
    const emr = await new SandboxEmr().start();
    const pacs = await new SandboxPacs().start();
    const content = site({
      pacs: {
        name: 'sandbox',
        qidoUrl: options.qidoUrl ?? pacs.qidoUrl,
        viewerUrl: 'http://viewer.example/{studyInstanceUid}',
        lookup: { firstAfterSeconds: 0, everySeconds: 0.2, giveUpAfterSeconds: 20 },
      },
      destinations: [
        { name: 'emr-fhir', kind: 'fhir', ...(options.emrFhir ?? { url: emr.fhirUrl, timeoutSeconds: 2 }) },
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
    const started = await Promise.all(names.map(async (name) => [name, await startService(name, { env })] as const));
    return new Department(Object.fromEntries(started), emr, pacs, env, options.emrFhir?.url ?? emr.fhirUrl);
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
    return { host: '127.0.0.1', port: this.pacs.dicomPort, aeTitle: 'PACS' };
  }

  /** What the EMR's FHIR server holds of a type now, by a search of its own: whichever server it is. */
  async inEmr<T extends FhirResource['resourceType']>(type: T): Promise<Extract<FhirResource, { resourceType: T }>[]> {
    const found: FhirResource[] = [];
    for (let next: string | undefined = `${this.emrUrl}/${type}?_count=200`; next;) {
      // A server may answer a search from what it found before.
      const response: Response = await fetch(next, { headers: { 'cache-control': 'no-cache' } });
      if (!response.ok) throw new Error(`the EMR answered ${response.status} to a search of ${type}`);
      const page = (await response.json()) as Bundle<FhirResource>;
      found.push(...(page.entry ?? []).map(({ resource }) => resource!));
      next = page.link?.find(({ relation }) => relation === 'next')?.url;
    }
    return found as never;
  }

  scanner(aeTitle = 'CT01'): SandboxScanner {
    return new SandboxScanner(aeTitle, { host: '127.0.0.1', port: this.scheduling.dicomPort, aeTitle: 'COLLIMATOR' });
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

/** MSA-1 of an acknowledgement. */
export function acknowledgedAs(acknowledgement: string): string | undefined {
  return /(?:^|\r)MSA\|([A-Z]{2})/.exec(acknowledgement)?.[1];
}
