import type { EntityManager } from 'typeorm';
import type { FhirResource } from 'fhir/r4.js';
import { fail } from '#platform';

/** A search parameter whose targets can come along. */
export type Include = 'patient' | 'encounter' | 'focus' | 'based-on';

/** A type, and the parameter of it that refers to a match. */
export type ReverseInclude = `${'Task'}:${'focus' | 'based-on'}`;

interface Referring {
  subject?: { reference?: string };
  patient?: { reference?: string };
  beneficiary?: { reference?: string };
  for?: { reference?: string };
  encounter?: { reference?: string };
  focus?: { reference?: string };
  basedOn?: { reference?: string }[];
}

const targets: Record<Include, (resource: Referring) => (string | undefined)[]> = {
  patient: (one) => [one.subject, one.patient, one.beneficiary, one.for].map((reference) => reference?.reference),
  encounter: (one) => [one.encounter?.reference],
  focus: (one) => [one.focus?.reference],
  'based-on': (one) => (one.basedOn ?? []).map(({ reference }) => reference),
};

const targetsOf = (name: Include, resource: FhirResource): string[] =>
  targets[name](resource as Referring).filter((reference) => reference !== undefined);

/** What the matches refer to, each once (`_include=<type>:<parameter>`, FHIR R4 section 3.1.1.5.4). */
export async function withReferredTo(
  manager: EntityManager,
  type: string,
  matches: readonly FhirResource[],
  asked: readonly string[],
  served: readonly Include[] = [],
): Promise<FhirResource[]> {
  const names = asked.map((text) =>
    known(
      '_include',
      text.replace(/:subject$/, ':patient'),
      served.map((name) => [`${type}:${name}`, name]),
    ),
  );
  const references = names.flatMap((name) => matches.flatMap((one) => targetsOf(name, one)));
  const keys = [...new Set(references)].map((reference) => reference.split('/'));
  if (keys.length === 0) return [];
  const rows: { body: FhirResource }[] = await manager.query(
    'SELECT body FROM resource JOIN unnest($1::text[], $2::text[]) AS wanted (t, i) ON type = t AND id = i ORDER BY type, id',
    [keys.map(([one]) => one), keys.map(([, id]) => id)],
  );
  return rows.map(({ body }) => body);
}

/** What refers to the matches (`_revinclude=<type>:<parameter>`, FHIR R4 section 3.1.1.5.4), each once. */
export async function withReferring(
  manager: EntityManager,
  matches: readonly FhirResource[],
  asked: readonly string[],
  served: readonly ReverseInclude[] = [],
): Promise<FhirResource[]> {
  const found = new Map<string, FhirResource>();
  for (const text of asked) {
    const [type, name] = known(
      '_revinclude',
      text,
      served.map((one) => [one, one]),
    ).split(':') as [string, Include];
    const wanted = matches.map(({ resourceType, id }) => `${resourceType}/${id}`);
    const rows: { body: FhirResource }[] = await manager.query(
      'SELECT body FROM resource WHERE type = $1 AND refs && $2::text[] ORDER BY last_updated, id',
      [type, wanted],
    );
    for (const { body } of rows)
      if (targetsOf(name, body).some((reference) => wanted.includes(reference))) found.set(body.id!, body);
  }
  return [...found.values()];
}

/** @throws Failure field-invalid for what does not come along here */
function known<T>(field: string, text: string, served: readonly (readonly [string, T])[]): T {
  const found = served.find(([name]) => name === text);
  if (found) return found[1];
  throw fail('field-invalid', `must be one of ${served.map(([name]) => name).join(', ') || 'none here'}`, { field });
}
