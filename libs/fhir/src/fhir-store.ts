import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { FhirResource } from 'fhir/r4.js';
import { fail } from '#platform';
import { referencedId } from './identity.js';
import { indexOf } from './search-index.js';
import { tokenOf } from './search-token.js';

type TypeName = FhirResource['resourceType'];
/** The FHIR type with that name. */
export type ResourceOf<T extends TypeName> = Extract<FhirResource, { resourceType: T }>;

/** A resource with its identity. */
export interface ResourceKey {
  type: string;
  id: string;
}

/**
 * A service's resources: the current ones in `resource`, every version in `resource_history`. Works inside the
 * transaction of the manager it is given.
 */
@Injectable()
export class FhirStore {
  /** The current version, undefined if there is none. */
  async read<T extends TypeName>(manager: EntityManager, type: T, id: string): Promise<ResourceOf<T> | undefined> {
    const [found] = await this.readMany(manager, [{ type, id }]);
    return found as ResourceOf<T> | undefined;
  }

  /** The current versions of those that exist, in any order, in one round trip. */
  async readMany(manager: EntityManager, keys: ResourceKey[]): Promise<FhirResource[]> {
    if (keys.length === 0) return [];
    const rows: { body: FhirResource }[] = await manager.query(
      `SELECT r.body FROM resource r
         JOIN unnest($1::text[], $2::text[]) AS wanted (type, id) ON r.type = wanted.type AND r.id = wanted.id`,
      [keys.map((key) => key.type), keys.map((key) => key.id)],
    );
    return rows.map((row) => row.body);
  }

  /** The current resources of a type with this identifier (`system` undefined matches any). */
  async withIdentifier<T extends TypeName>(
    manager: EntityManager,
    type: T,
    system: string | undefined,
    value: string,
  ): Promise<ResourceOf<T>[]> {
    const rows: { body: ResourceOf<T> }[] = await manager.query(
      'SELECT body FROM resource WHERE type = $1 AND identifiers @> ARRAY[$2] ORDER BY id',
      [type, tokenOf(system, value)],
    );
    return rows.map((row) => row.body);
  }

  /** The current resources of a type that are about a patient, oldest first. */
  async ofPatient<T extends TypeName>(manager: EntityManager, type: T, patientId: string): Promise<ResourceOf<T>[]> {
    const rows: { body: ResourceOf<T> }[] = await manager.query(
      'SELECT body FROM resource WHERE type = $1 AND patient_id = $2 ORDER BY last_updated, id',
      [type, patientId],
    );
    return rows.map((row) => row.body);
  }

  /** Ids of the patients that a resource is or was about in any of its versions. */
  async patientsEver(manager: EntityManager, { type, id }: ResourceKey): Promise<string[]> {
    const rows: { reference: string }[] = await manager.query(
      `SELECT DISTINCT body->'subject'->>'reference' AS reference FROM resource_history WHERE type = $1 AND id = $2`,
      [type, id],
    );
    return rows.flatMap(({ reference }) => referencedId(reference, 'Patient') ?? []);
  }

  /** Every current resource about a patient, oldest first. */
  async aboutPatient(manager: EntityManager, patientId: string): Promise<FhirResource[]> {
    const rows: { body: FhirResource }[] = await manager.query(
      'SELECT body FROM resource WHERE patient_id = $1 ORDER BY last_updated, type, id',
      [patientId],
    );
    return rows.map((row) => row.body);
  }

  /** Every current resource of a type: for types of which a department has few. */
  async allOf<T extends TypeName>(manager: EntityManager, type: T): Promise<ResourceOf<T>[]> {
    const rows: { body: ResourceOf<T> }[] = await manager.query(
      'SELECT body FROM resource WHERE type = $1 ORDER BY id',
      [type],
    );
    return rows.map((row) => row.body);
  }

  /** The current resources of a type that refer to this one, oldest first. */
  async referringTo<T extends TypeName>(manager: EntityManager, type: T, reference: string): Promise<ResourceOf<T>[]> {
    return this.allReferringTo(manager, [type], reference);
  }

  /** The same of several types in one round trip. */
  async allReferringTo<T extends TypeName>(
    manager: EntityManager,
    types: readonly T[],
    reference: string,
  ): Promise<ResourceOf<T>[]> {
    const rows: { body: ResourceOf<T> }[] = await manager.query(
      'SELECT body FROM resource WHERE type = ANY($1) AND refs @> ARRAY[$2] ORDER BY last_updated, id',
      [types, reference],
    );
    return rows.map((row) => row.body);
  }

  /**
   * Stores new versions, all in one statement. A resource whose `meta.versionId` names the version it was made from is
   * stored only if that is still the current one; one without is stored as a new resource. For content that is stored
   * already nothing is written, whoever wrote it.
   *
   * @returns the resources with the `meta` they are stored under
   * @throws Failure version-conflict if another writer was first; nothing of the statement is kept then
   */
  async save<R extends FhirResource>(manager: EntityManager, resources: R[], now: Date): Promise<R[]> {
    if (resources.length === 0) return [];
    const saved = resources.map((resource) => nextVersion(resource, now));
    const rows = saved.map((resource) => ({
      type: resource.resourceType,
      id: resource.id,
      version: Number(resource.meta!.versionId),
      last_updated: resource.meta!.lastUpdated,
      ...indexOf(resource),
      body: resource,
    }));
    const passed: NotWritten[] = await manager.query(SAVE, [JSON.stringify(rows)]);
    if (passed.length === 0) return saved;
    const metas = new Map(passed.map(({ type, id, meta }) => [`${type}/${id}`, meta]));
    return saved.map((resource) => {
      const meta = metas.get(`${resource.resourceType}/${resource.id}`);
      if (meta === null) throw fail('version-conflict', 'another writer stored the same resource first');
      return meta ? { ...resource, meta } : resource;
    });
  }
}

/** A resource of which nothing was written: because its content is stored already, under this meta, or was changed. */
interface NotWritten {
  type: string;
  id: string;
  meta: FhirResource['meta'] | null;
}

/** Everything of a resource but what the store itself puts on it. */
const content = (body: string) => `(${body} #- '{meta,versionId}' #- '{meta,lastUpdated}')`;

/** Scalar subqueries, not joins: each is one look-up by the primary key, where a join may read the whole table. */
const SAVE = `
  WITH incoming AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS r (type text, id text, version int, last_updated timestamptz,
      patient_id text, status text, identifiers text[], refs text[], body jsonb)
  ), stored AS (
    INSERT INTO resource AS r (type, id, version, last_updated, patient_id, status, identifiers, refs, body)
    SELECT type, id, version, last_updated, patient_id, status, identifiers, refs, body FROM incoming AS i
     WHERE i.version = 1 OR (SELECT r.version FROM resource AS r WHERE r.type = i.type AND r.id = i.id) IS NOT NULL
    ON CONFLICT (type, id) DO UPDATE SET version = excluded.version, last_updated = excluded.last_updated,
      patient_id = excluded.patient_id, status = excluded.status, identifiers = excluded.identifiers,
      refs = excluded.refs, body = excluded.body
    WHERE r.version = excluded.version - 1 AND ${content('r.body')} <> ${content('excluded.body')}
    RETURNING r.type, r.id, r.version, r.last_updated, r.body
  ), kept AS (
    INSERT INTO resource_history (type, id, version, last_updated, body) SELECT * FROM stored RETURNING type, id
  )
  SELECT i.type, i.id, (
      SELECT r.body->'meta' FROM resource AS r
       WHERE r.type = i.type AND r.id = i.id AND ${content('r.body')} = ${content('i.body')}
    ) AS meta
    FROM incoming AS i
   WHERE NOT EXISTS (SELECT FROM kept AS k WHERE k.type = i.type AND k.id = i.id)`;

function nextVersion<R extends FhirResource>(resource: R, now: Date): R {
  const from = resource.meta?.versionId ?? '0';
  if (!/^\d{1,9}$/.test(from))
    throw fail('field-invalid', 'must be the version id of a resource of this server', {
      field: `${resource.resourceType}.meta.versionId`,
    });
  return {
    ...resource,
    meta: { ...resource.meta, versionId: String(Number(from) + 1), lastUpdated: now.toISOString() },
  };
}
