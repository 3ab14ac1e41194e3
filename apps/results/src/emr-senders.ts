import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ForeignFhirServer, studyInstanceUidOf } from '#fhir';
import { controlIdOf, Hl7Destinations, type MllpDestination } from '#intake';
import { envelopeTo, reportToMessage } from '#mapping';
import { DeliveryQueue, type Delivery, type Send } from '#messaging';
import { INFRASTRUCTURE, SITE, type Destination, type Infrastructure, type Site } from '#platform';
import { bearerTokensOf } from './bearer-tokens.js';
import { examStatusOf, resourcesIn, transactionOf, type EmrFact } from './emr-update.decider.js';
import { viewerUrlOf } from './imaging-study.decider.js';

/** How many patients' facts are sent to one destination at once. */
const CONCURRENCY = 8;

/** Connects the site's destinations to the delivery queue. */
@Injectable()
export class EmrSenders implements OnModuleInit {
  /** Bearer token by destination. */
  private readonly tokens: ReadonlyMap<string, string>;

  /** @throws SiteFileInvalid where a token that the site file names is not in the environment */
  constructor(
    @Inject(DeliveryQueue) private readonly queue: DeliveryQueue,
    @Inject(Hl7Destinations) private readonly hl7: Hl7Destinations,
    @Inject(SITE) private readonly site: Site,
    @Inject(INFRASTRUCTURE) { siteFile }: Infrastructure,
  ) {
    this.tokens = bearerTokensOf(site, process.env, siteFile);
  }

  onModuleInit(): void {
    for (const destination of this.site.destinations)
      if (destination.kind === 'fhir')
        this.queue.register(destination.name, this.overFhir(destination), { concurrency: CONCURRENCY });
      else this.hl7.connect(destination, (delivery) => this.messageOf(delivery, destination));
  }

  private overFhir({ name, url, timeoutSeconds }: Destination & { kind: 'fhir' }): Send {
    const bearerToken = this.tokens.get(name);
    const server = new ForeignFhirServer({ url, timeoutMs: timeoutSeconds * 1000, bearerToken });
    const patientSystem = this.site.authorities[this.site.patientAuthority]!;
    return async (delivery) => void (await server.transaction(transactionOf(factOf(delivery), patientSystem)));
  }

  /** The same delivery gives the same bytes, however often it is sent. */
  private messageOf(delivery: Delivery, to: MllpDestination): Buffer {
    const fact = factOf(delivery);
    const controlId = controlIdOf(to.name, delivery.idempotencyKey);
    const [imagingStudy] = resourcesIn(fact, 'ImagingStudy');
    const uid = studyInstanceUidOf(imagingStudy);
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
        ...envelopeTo(to, { controlId, now: new Date(delivery.createdAt) }, this.site),
        viewerUrl: uid && viewerUrlOf(uid, this.site),
      },
    );
  }
}

function factOf(delivery: Delivery): EmrFact {
  return delivery.body as unknown as EmrFact;
}
