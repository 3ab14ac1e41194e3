import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ForeignFhirServer, recordAccess } from '#fhir';
import { controlIdOf, Hl7Destinations, type MllpDestination } from '#intake';
import { envelopeTo, partFor } from '#mapping';
import { DeliveryQueue, type Delivery, type Send } from '#messaging';
import { CLOCK, INFRASTRUCTURE, SITE, type Clock, type Destination, type Infrastructure, type Site } from '#platform';
import { bearerTokensOf } from './bearer-tokens.js';
import type { EmrFact } from './emr-fact.js';
import { messageOf } from './emr-message.js';
import { transactionOf } from './emr-transaction.js';
import type { MessageKind } from './emr-update.decider.js';
import { updateOneByOne } from './update-one-by-one.js';

type FhirDestination = Destination & { kind: 'fhir' };

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
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
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

  private overFhir(to: FhirDestination): Send {
    const { name, url, timeoutSeconds } = to;
    const bearerToken = this.tokens.get(name);
    const server = new ForeignFhirServer({ url, timeoutMs: timeoutSeconds * 1000, bearerToken });
    const patientSystem = this.site.authorities[this.site.patientAuthority]!;
    return async (delivery) => {
      const fact = factFor(delivery, to);
      if (to.by === 'updates') await updateOneByOne(fact, patientSystem, server);
      else await server.transaction(transactionOf(fact, patientSystem));
      await this.recordExport(name, fact);
    };
  }

  /** What went to whom. Where it cannot be recorded it is sent again, which has the effect of once. */
  private async recordExport(destination: string, { resources }: EmrFact): Promise<void> {
    const patients = resources.filter(({ resourceType }) => resourceType === 'Patient');
    await recordAccess(
      this.dataSource.manager,
      {
        interaction: 'export',
        client: destination,
        service: 'results',
        references: resources.map((one) => `${one.resourceType}/${one.id}`),
        patientIds: patients.map(({ id }) => id!),
      },
      this.clock.now(),
    );
  }

  /** The same delivery gives the same bytes, however often it is sent. */
  private messageOf(delivery: Delivery, to: MllpDestination): Buffer {
    const controlId = controlIdOf(to.name, delivery.idempotencyKey);
    const envelope = envelopeTo(to, { controlId, now: new Date(delivery.createdAt) }, this.site);
    return messageOf(factFor(delivery, to), delivery.kind as MessageKind, envelope, this.site);
  }
}

/** What is told, as far as the destination may see it: a merge may have put another patient in since it was written. */
function factFor(delivery: Delivery, to: Destination): EmrFact {
  const fact = delivery.body as unknown as EmrFact;
  return { ...fact, resources: fact.resources.map((one) => partFor(one, to)) };
}
