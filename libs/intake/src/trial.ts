import type { FhirResource } from 'fhir/r4.js';
import type { Transaction } from '#messaging';

type ImagingEvent = Parameters<Transaction['publish']>[0];

/** Ends a unit of work that was only tried: it has to fail for nothing of it to stay. */
export class RolledBack extends Error {
  override readonly name = 'RolledBack';
}

/** Watches what a message does, reads what it wrote, and has it all rolled back. */
export class Trial {
  /** The resources it wrote, as they would stand. */
  resources: FhirResource[] = [];
  private told: ImagingEvent[] = [];

  /** What it told, with the resources each event carries. */
  get events(): { type: string; resources: FhirResource[] }[] {
    const carried = ({ data }: ImagingEvent) => data.entry!.slice(1).map(({ resource }) => resource as FhirResource);
    return this.told.map((event) => ({ type: event.type, resources: carried(event) }));
  }

  /** The transaction, with what is told through it seen here. Begins anew where the work is run again. */
  watching(transaction: Transaction): Transaction {
    this.told = [];
    return {
      manager: transaction.manager,
      now: transaction.now,
      isTrial: true,
      merged: transaction.merged,
      lock: (patientId) => transaction.lock(patientId),
      publish: (event) => void this.told.push(event),
      deliver: () => undefined,
    };
  }

  /** @throws RolledBack always */
  async end({ manager, now }: Transaction): Promise<never> {
    // Of this transaction only: another one may have written at the same millisecond.
    const rows: { body: FhirResource }[] = await manager.query(
      `SELECT body FROM resource WHERE last_updated = $1 AND xmin = pg_current_xact_id()::xid ORDER BY type, id`,
      [now],
    );
    this.resources = rows.map(({ body }) => body);
    throw new RolledBack();
  }
}
