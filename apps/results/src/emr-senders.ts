import { Inject, Injectable, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ForeignFhirServer, studyInstanceUidOf, uuidFrom } from '#fhir';
import { MllpClient, MllpFailure } from '#hl7v2';
import { reportToMessage } from '#mapping';
import { DeliveryQueue, type Delivery, type Send } from '#messaging';
import { fail, SITE, type Destination, type Site } from '#platform';
import { administrationsOf, examStatusOf, transactionOf, type EmrFact } from './emr-update.decider.js';
import { viewerUrlOf } from './study-lookup.decider.js';

/** How many patients' facts are sent to one destination at once. */
const CONCURRENCY = 8;

/** Connects the site's destinations to the delivery queue. */
@Injectable()
export class EmrSenders implements OnModuleInit, BeforeApplicationShutdown {
  private readonly connections: MllpClient[] = [];

  constructor(
    @Inject(DeliveryQueue) private readonly queue: DeliveryQueue,
    @Inject(SITE) private readonly site: Site,
  ) {}

  onModuleInit(): void {
    for (const destination of this.site.destinations) {
      const send = destination.kind === 'fhir' ? this.overFhir(destination) : this.overMllp(destination);
      // One connection carries one message at a time.
      this.queue.register(destination.name, send, { concurrency: destination.kind === 'fhir' ? CONCURRENCY : 1 });
    }
  }

  beforeApplicationShutdown(): void {
    for (const connection of this.connections) connection.close();
  }

  private overFhir({ url, timeoutSeconds, bearerTokenEnv }: Destination & { kind: 'fhir' }): Send {
    const bearerToken = bearerTokenEnv ? process.env[bearerTokenEnv] : undefined;
    const server = new ForeignFhirServer({ url, timeoutMs: timeoutSeconds * 1000, bearerToken });
    return async (delivery) => void (await server.transaction(transactionOf(factOf(delivery))));
  }

  private overMllp({ host, port, ackTimeoutSeconds, ...to }: Destination & { kind: 'mllp' }): Send {
    const client = new MllpClient({ host, port, ackTimeoutMs: ackTimeoutSeconds * 1000 });
    this.connections.push(client);
    return async (delivery) => {
      const controlId = uuidFrom('delivery', to.name, delivery.idempotencyKey).replaceAll('-', '').slice(0, 20);
      await sendAndJudge(client, this.messageOf(delivery, controlId, to), controlId);
    };
  }

  /** The same delivery gives the same bytes, however often it is sent. */
  private messageOf(delivery: Delivery, controlId: string, to: { application: string; facility: string }): Buffer {
    const fact = factOf(delivery);
    const find = <T extends string>(type: T) => fact.resources.find((one) => one.resourceType === type) as never;
    const imagingStudy = find('ImagingStudy');
    const uid = studyInstanceUidOf(imagingStudy);
    const namespaces = Object.entries(this.site.authorities);
    return reportToMessage(
      {
        patient: find('Patient'),
        serviceRequest: find('ServiceRequest'),
        report: find('DiagnosticReport'),
        imagingStudy,
        medicationAdministrations: administrationsOf(fact),
        examStatus: examStatusOf(fact),
      },
      {
        sendingApplication: this.site.identity.application,
        sendingFacility: this.site.identity.facility,
        receivingApplication: to.application,
        receivingFacility: to.facility,
        controlId,
        now: new Date(delivery.createdAt),
        viewerUrl: uid && viewerUrlOf(uid, this.site),
        namespaceOf: (system) => namespaces.find(([, known]) => known === system)?.[0],
      },
    );
  }
}

function factOf(delivery: Delivery): EmrFact {
  return delivery.body as unknown as EmrFact;
}

/**
 * Sends and reads the acknowledgement: AA and CA are done; AR and CR mean not now, AE and CE mean never as it stands.
 *
 * @throws Failure peer-unavailable, peer-timeout, peer-error (retry), peer-refused (park)
 */
async function sendAndJudge(client: MllpClient, message: Buffer, controlId: string): Promise<void> {
  try {
    const answer = await client.send(message, controlId);
    const code = answer.first('MSA')?.get(1) ?? '';
    const error = answer.first('ERR')?.get(3) ?? 'none given';
    if (/^[AC]A$/.test(code)) return;
    if (/^[AC]R$/.test(code)) throw fail('peer-error', `the receiver rejected the message for now (error ${error})`);
    throw fail('peer-refused', `the receiver refused the message with ${code || 'no code'} (error ${error})`);
  } catch (error) {
    if (!(error instanceof MllpFailure)) throw error;
    if (error.kind === 'timeout') throw fail('peer-timeout', 'no acknowledgement came in time', { cause: error });
    throw fail('peer-unavailable', 'the receiver cannot be reached', { cause: error });
  }
}
