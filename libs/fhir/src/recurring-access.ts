import { createHash, randomUUID } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { auditEvent, type Access } from './audit.js';

/**
 * Records an access that comes again and again, such as a scanner's query for its worklist. Each access is a record of
 * its own, with its time, as by {@link recordAccess}; what it says (who asked what and saw whom) is kept once a day for
 * all that say the same. The view `audit` puts the two together.
 */
export async function recordRecurringAccess(manager: EntityManager, access: Access, now: Date): Promise<void> {
  // Once a day: what is shared is then as old as those who share it, and goes when they go.
  const day = now.toISOString().slice(0, 10);
  const contentId = createHash('sha256')
    .update(`${day}\n${JSON.stringify(access)}`)
    .digest();
  const record = [randomUUID(), now, access.client, contentId];
  const shared: unknown[] = await manager.query(
    `INSERT INTO audit_event (id, recorded, agent, content_id)
     SELECT $1::uuid, $2::timestamptz, $3, content.id FROM audit_content AS content WHERE content.id = $4
     RETURNING 1`,
    record,
  );
  if (shared.length > 0) return;
  const content = { ...auditEvent(access, now), id: undefined, recorded: undefined };
  await manager.query(
    `WITH content AS (
       INSERT INTO audit_content (id, recorded, body) VALUES ($4, $2, $5) ON CONFLICT (id) DO NOTHING
     )
     INSERT INTO audit_event (id, recorded, agent, content_id) VALUES ($1, $2, $3, $4)`,
    [...record, JSON.stringify(content)],
  );
}
