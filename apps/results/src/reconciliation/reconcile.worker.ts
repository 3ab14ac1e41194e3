import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LeasedWorker } from '#messaging';
import {
  asFailure,
  CLOCK,
  INFRASTRUCTURE,
  LOGGER,
  SITE,
  type Clock,
  type Infrastructure,
  type Logger,
  type Site,
} from '#platform';
import { boundsOf, nightlyDue } from './nightly.decider.js';
import { ReconciliationPeers } from './peers.js';
import { Reconciliations, type Found, type Run } from './reconciliations.store.js';

const POLL_MS = 1000;

/** Compares what is here with others, each night and whenever somebody asks. It repairs nothing. */
@Injectable()
export class Reconcile extends LeasedWorker {
  constructor(
    @Inject(Reconciliations) private readonly runs: Reconciliations,
    @Inject(ReconciliationPeers) private readonly peers: ReconciliationPeers,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
    @Inject(LOGGER) logger: Logger,
  ) {
    super('reconciliation', POLL_MS, infrastructure, logger);
  }

  protected async turn(): Promise<void> {
    const nightly = nightlyDue(this.site, this.clock.now());
    if (nightly && !(await this.runs.isAsked(nightly.night)))
      await this.runs.ask({ ...nightly, id: randomUUID(), askedBy: 'nightly' }, this.clock.now());
    for (let run = await this.runs.next(); run && !this.stopping; run = await this.runs.next()) await this.compare(run);
  }

  /** A peer that does not answer is asked no more in this run; what others have is compared all the same. */
  private async compare(run: Run): Promise<void> {
    const { since, before } = boundsOf(run, this.site.timeZone);
    const ours = (await this.runs.studies(since, before)).map(({ studyInstanceUid }) => studyInstanceUid);
    const [found, failures]: [Found[], object[]] = [[], []];
    let compared = 0;
    const asking = async (peer: string, work: (found: Found[]) => Promise<void>) => {
      try {
        await work(found);
      } catch (error) {
        const { code, message } = asFailure(error);
        this.logger.warn({ err: error, peer, run: run.id }, 'a peer could not be compared with what is here');
        failures.push({ peer, code, message });
      }
    };
    await asking(this.site.pacs.name, async () => {
      const listed = new Map((await this.peers.inPacs(run.from, run.to)).map((one) => [one.studyInstanceUid, one]));
      for (const studyInstanceUid of new Set([...listed.keys(), ...ours])) {
        if (this.stopping) return;
        found.push(...(await this.peers.look({ peer: 'pacs', studyInstanceUid }, listed.get(studyInstanceUid))));
        compared++;
      }
    });
    for (const destination of this.peers.destinations)
      await asking(destination.name, async () => {
        for (const uid of ours)
          for (const subject of await this.peers.subjectsOf(uid, destination)) {
            if (this.stopping) return;
            found.push(...(await this.peers.look(subject)));
            compared++;
          }
      });
    // It begins anew in the next process.
    if (this.stopping) return;
    await this.runs.finished(run.id, found, compared, failures, this.clock.now());
    this.logger.info(
      { run: run.id, compared, differences: found.length, failures: failures.length },
      'compared with others',
    );
  }
}
