import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ForeignFhirServer, studyInstanceUidOf, uuidFrom } from '#fhir';
import { MllpClient, MllpFailure } from '#hl7v2';
import { reportToMessage } from '#mapping';
import { DeliveryQueue, type Delivery, type Send } from '#messaging';
import { INFRASTRUCTURE, SITE, type Destination, type Infrastructure, type Site } from '#platform';
import { failureOfAcknowledgement, failureOfMllp } from './acknowledgement.decider.js';
import { bearerTokensOf } from './bearer-tokens.js';
import { examStatusOf, resourcesIn, transactionOf, type EmrFact } from './emr-update.decider.js';
import { viewerUrlOf } from './study-lookup.decider.js';

/** How many patients' facts are sent to one destination at once. */
const CONCURRENCY = 8;

/** Connects the site's destinations to the delivery queue. */
@Injectable()
export class EmrSenders implements OnModuleInit, OnApplicationShutdown {
  private readonly connections: MllpClient[] = [];

  /** Bearer token by destination. */
  private readonly tokens: ReadonlyMap<string, string>;

  /** @throws SiteFileInvalid where a token that the site file names is not in the environment */
  constructor(
    @Inject(DeliveryQueue) private readonly queue: DeliveryQueue,
    @Inject(SITE) private readonly site: Site,
    @Inject(INFRASTRUCTURE) { siteFile }: Infrastructure,
  ) {
    this.tokens = bearerTokensOf(site, process.env, siteFile);
  }

  onModuleInit(): void {
    for (const destination of this.site.destinations) {
      const send = destination.kind === 'fhir' ? this.overFhir(destination) : this.overMllp(destination);
      // One connection carries one message at a time.
      this.queue.register(destination.name, send, { concurrency: destination.kind === 'fhir' ? CONCURRENCY : 1 });
    }
  }

  /** After the queue has let what is on its way come to its end. */
  onApplicationShutdown(): void {
    for (const connection of this.connections) connection.close();
  }

  private overFhir({ name, url, timeoutSeconds }: Destination & { kind: 'fhir' }): Send {
    const bearerToken = this.tokens.get(name);
    const server = new ForeignFhirServer({ url, timeoutMs: timeoutSeconds * 1000, bearerToken });
    const patientSystem = this.site.authorities[this.site.patientAuthority]!;
    return async (delivery) => void (await server.transaction(transactionOf(factOf(delivery), patientSystem)));
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
    const [imagingStudy] = resourcesIn(fact, 'ImagingStudy');
    const uid = studyInstanceUidOf(imagingStudy);
    const namespaces = Object.entries(this.site.authorities);
    return reportToMessage(
      {
        patient: resourcesIn(fact, 'Patient')[0]!,
        serviceRequests: resourcesIn(fact, 'ServiceRequest'),
        report: resourcesIn(fact, 'DiagnosticReport')[0],
        imagingStudy,
        medicationAdministrations: resourcesIn(fact, 'MedicationAdministration'),
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

/** @throws Failure peer-unavailable, peer-timeout, peer-error (retry), peer-refused, peer-answer-malformed (park) */
async function sendAndJudge(client: MllpClient, message: Buffer, controlId: string): Promise<void> {
  const answer = await client.send(message, controlId).catch((error: unknown) => {
    throw error instanceof MllpFailure ? failureOfMllp(error) : error;
  });
  const failure = failureOfAcknowledgement(answer);
  if (failure) throw failure;
}
