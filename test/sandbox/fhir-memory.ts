import { randomUUID } from 'node:crypto';
import type { Bundle, BundleEntry, FhirResource, OperationOutcome, Reference } from 'fhir/r4.js';

/** What a FHIR server answers. */
export interface FhirAnswer {
  status: number;
  body: object;
}

type Stored = FhirResource & { id: string };

/** Refusal with an HTTP status, before anything was stored. */
class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * A FHIR R4 store in memory with the interactions an EMR offers: read, search by identifier or subject, create with If-None-Exist,
 * update, conditional update, transaction (FHIR R4 section 3.1.0: http.html).
 */
export class FhirMemory {
  private resources = new Map<string, Stored>();

  /** All current resources of a type. */
  all<T extends FhirResource['resourceType']>(type: T): Extract<FhirResource, { resourceType: T }>[] {
    return [...this.resources.values()].filter((one) => one.resourceType === type) as never;
  }

  /** @param path below the base, such as `Patient?identifier=a|b`; empty for a transaction */
  handle(method: string, path: string, body: unknown, ifNoneExist?: string): FhirAnswer {
    const before = new Map(this.resources);
    try {
      if (path === '' && method === 'POST') return { status: 200, body: this.transaction(body as Bundle) };
      return this.interaction(method, path, body as FhirResource, ifNoneExist);
    } catch (error) {
      this.resources = before;
      if (error instanceof Refused) return outcome(error.status, error.message);
      return outcome(400, 'The content is not FHIR this server understands.');
    }
  }

  private interaction(method: string, path: string, body: FhirResource, ifNoneExist?: string): FhirAnswer {
    const [place = '', query] = path.split('?');
    const [type = '', id] = place.split('/');
    if (method === 'POST' && id === '_search')
      return { status: 200, body: this.search(type, new URLSearchParams(body as never).toString()) };
    if (method === 'GET') return id ? this.read(type, id) : { status: 200, body: this.search(type, query ?? '') };
    if (body?.resourceType !== type) throw new Refused(400, `The body must be a ${type}.`);
    if (method === 'POST') return this.create(body, ifNoneExist);
    if (method !== 'PUT') throw new Refused(405, `${method} is not offered.`);
    if (id) return this.store({ ...body, id } as Stored);
    const found = this.one(type, query ?? '');
    return this.store({ ...body, id: found?.id ?? body.id ?? randomUUID() } as Stored);
  }

  private transaction(bundle: Bundle): Bundle {
    if (bundle?.resourceType !== 'Bundle' || bundle.type !== 'transaction')
      throw new Refused(400, 'The body must be a Bundle of type transaction.');
    const entries = (bundle.entry ?? []).map((entry) => ({ ...entry, resource: structuredClone(entry.resource) }));
    // Conditional entries first find out who they are, so that references by fullUrl can point to them.
    const places = new Map<string, string>();
    for (const entry of entries) this.identify(entry, places);
    const resolved = entries.map((entry) => replaceReferences(entry, places, (query) => this.conditional(query)));
    return {
      resourceType: 'Bundle',
      type: 'transaction-response',
      entry: resolved.map(({ request, resource }): BundleEntry => {
        const [type, id] = (places.get(keyOf(resource)) ?? `${resource?.resourceType}/${resource?.id}`).split('/');
        if (request?.method === 'POST' && request.ifNoneExist && this.resources.has(`${type}/${id}`))
          return { response: { status: '200 OK', location: `${type}/${id}` } };
        if (request?.method !== 'POST' && request?.method !== 'PUT')
          throw new Refused(405, 'A transaction here takes POST and PUT.');
        const { status } = this.store({ ...resource, id } as Stored);
        return { response: { status: status === 201 ? '201 Created' : '200 OK', location: `${type}/${id}` } };
      }),
    };
  }

  private identify(entry: BundleEntry, places: Map<string, string>): void {
    const { request, resource, fullUrl } = entry;
    if (!request || !resource) throw new Refused(400, 'Every entry of a transaction needs request and resource.');
    const [place = '', query] = request.url.split('?');
    const [type = '', id] = place.split('/');
    const match = request.method === 'POST' ? request.ifNoneExist : id ? undefined : query;
    const known = match ? this.one(type, match.replace(/^.*\?/, ''))?.id : undefined;
    const assigned = id ?? known ?? (request.method === 'PUT' ? resource.id : undefined) ?? randomUUID();
    resource.id = assigned;
    places.set(keyOf(resource), `${type}/${assigned}`);
    if (fullUrl) places.set(fullUrl, `${type}/${assigned}`);
  }

  private conditional(reference: string): string {
    const [type = '', query = ''] = reference.split('?');
    const found = this.one(type, query);
    if (!found) throw new Refused(412, `${type}: the conditional reference matches nothing.`);
    return `${type}/${found.id}`;
  }

  private create(body: FhirResource, ifNoneExist?: string): FhirAnswer {
    const known = ifNoneExist ? this.one(body.resourceType, ifNoneExist) : undefined;
    return known ? { status: 200, body: known } : this.store({ ...body, id: randomUUID() } as Stored);
  }

  private read(type: string, id: string): FhirAnswer {
    const found = this.resources.get(`${type}/${id}`);
    return found ? { status: 200, body: found } : outcome(404, `${type}/${id} is not known.`);
  }

  private store(resource: Stored): FhirAnswer {
    if (resource.resourceType === 'Patient' && resource.link?.some(({ other }) => !other))
      throw new Refused(422, 'Patient.link.other is required.');
    const key = `${resource.resourceType}/${resource.id}`;
    const version = Number(this.resources.get(key)?.meta?.versionId ?? 0) + 1;
    const meta = { ...resource.meta, versionId: String(version), lastUpdated: new Date().toISOString() };
    const stored = { ...resource, meta };
    this.resources.set(key, stored);
    return { status: version === 1 ? 201 : 200, body: stored };
  }

  private search(type: string, query: string): Bundle {
    const found = this.matching(type, query);
    return {
      resourceType: 'Bundle',
      type: 'searchset',
      total: found.length,
      entry: found.map((resource) => ({ resource })),
    };
  }

  private one(type: string, query: string): Stored | undefined {
    const found = this.matching(type, query);
    if (query === '') throw new Refused(412, 'A conditional interaction needs a criterion.');
    if (found.length > 1) throw new Refused(412, `${found.length} resources match.`);
    return found[0];
  }

  private matching(type: string, query: string): Stored[] {
    const criteria = [...new URLSearchParams(query)].filter(([name]) => !['_format', '_count'].includes(name));
    return [...this.resources.values()].filter(
      (one) =>
        one.resourceType === type &&
        criteria.every(([name, value]) => {
          if (name === '_id') return one.id === value;
          if (name === 'identifier') return hasIdentifier(one, value);
          if (name === 'subject') return (one as { subject?: Reference }).subject?.reference === value;
          throw new Refused(400, `Search parameter ${name} is not offered.`);
        }),
    );
  }
}

function hasIdentifier(resource: Stored, token: string): boolean {
  const identifiers = [(resource as { identifier?: unknown }).identifier ?? []].flat() as {
    system?: string;
    value?: string;
  }[];
  const [system, value] = token.includes('|') ? token.split('|') : [undefined, token];
  return identifiers.some(
    (one) => one.value === value && (system === undefined || (system === '' ? !one.system : one.system === system)),
  );
}

function replaceReferences(
  entry: BundleEntry,
  places: Map<string, string>,
  conditional: (reference: string) => string,
): BundleEntry {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, child]) => [name, name === 'reference' ? target(child) : walk(child)]),
    );
  };
  const target = (reference: unknown): unknown => {
    if (typeof reference !== 'string') return reference;
    const known = places.get(reference);
    if (known) return known;
    if (/^[A-Z][A-Za-z]+\?/.test(reference)) return conditional(reference);
    if (reference.startsWith('urn:uuid:')) throw new Refused(400, 'A reference points to no entry of the Bundle.');
    return reference;
  };
  return { ...entry, resource: walk(entry.resource) as FhirResource };
}

function keyOf(resource: { resourceType: string; id?: string } | undefined): string {
  return `${resource?.resourceType}/${resource?.id}`;
}

function outcome(status: number, text: string): FhirAnswer {
  const body: OperationOutcome = {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code: status === 404 ? 'not-found' : 'processing', diagnostics: text }],
  };
  return { status, body };
}
