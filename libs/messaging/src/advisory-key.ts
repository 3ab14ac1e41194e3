import { createHash } from 'node:crypto';

/**
 * A Postgres advisory lock key as a decimal bigint, safe to put into SQL text. Advisory locks are shared by a whole
 * database, so the schema is part of the name: two services may work on one patient at the same time.
 */
export function advisoryKey(schema: string, kind: 'patient' | 'lease', name: string): string {
  const digest = createHash('sha1').update(`${schema}\n${kind}\n${name}`).digest();
  return digest.readBigInt64BE(0).toString();
}
