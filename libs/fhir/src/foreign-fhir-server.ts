import { Client } from 'fhir-kit-client';
import type { Bundle, FhirResource } from 'fhir/r4.js';
import { asFailure, fail, type Failure } from '#platform';

/** A FHIR R4 server of somebody else, such as the EMR's. */
export interface ForeignServer {
  url: string;
  timeoutMs: number;
  bearerToken?: string;
}

/**
 * Talks to a foreign FHIR server. Every failure comes out with its fate: what may pass by itself is retried (no
 * connection, no answer in time, 409, 429, 5xx), what will be refused again is parked (other 4xx). Answers are not
 * quoted, since a server may echo the patient.
 */
export class ForeignFhirServer {
  private readonly client: Client;

  constructor(private readonly server: ForeignServer) {
    this.client = new Client({
      baseUrl: server.url,
      ...(server.bearerToken ? { bearerToken: server.bearerToken } : {}),
    });
  }

  /** Sends a transaction Bundle: all of it happens, or nothing. Only a Bundle as answer says that it happened. */
  async transaction(body: Bundle): Promise<Bundle> {
    const answer = await this.call((options) => this.client.transaction({ body: body as never, options }));
    if ((answer as Partial<Bundle> | undefined)?.resourceType === 'Bundle') return answer as Bundle;
    throw fail('peer-answer-malformed', 'the FHIR server answered a transaction with what is no Bundle');
  }

  /**
   * Updates the one resource that matches, or creates it (FHIR R4 conditional update).
   *
   * @returns its id there, undefined where the server does not say
   */
  async conditionalUpdate(resource: FhirResource, searchParams: Record<string, string>): Promise<string | undefined> {
    const answer = await this.call((options) =>
      this.client.update({ resourceType: resource.resourceType, searchParams, body: resource as never, options }),
    );
    return idIn(answer, resource.resourceType);
  }

  /**
   * Creates the resource unless one matches already (FHIR R4 conditional create, `If-None-Exist`).
   *
   * @returns its id there, undefined where the server does not say
   */
  async conditionalCreate(resource: FhirResource, searchParams: Record<string, string>): Promise<string | undefined> {
    const headers = { 'If-None-Exist': new URLSearchParams(searchParams).toString() };
    const answer = await this.call((options: object) =>
      this.client.create({
        resourceType: resource.resourceType,
        body: resource as never,
        options: { ...options, headers } as never,
      }),
    );
    return idIn(answer, resource.resourceType);
  }

  /** The id of the one resource that matches; undefined where none does, or several do. */
  async idOf(resourceType: string, searchParams: Record<string, string>): Promise<string | undefined> {
    const answer = await this.search(resourceType, searchParams);
    const found = ((answer as Partial<Bundle> | undefined)?.entry ?? []).map(({ resource }) => resource);
    const [one, another] = found.filter((each) => each?.resourceType === resourceType);
    return another ? undefined : one?.id;
  }

  /** All that match, as far as the first page of the answer has them. @throws Failure as for writing */
  async matching<T extends FhirResource['resourceType']>(
    resourceType: T,
    searchParams: Record<string, string>,
  ): Promise<Extract<FhirResource, { resourceType: T }>[]> {
    const answer = (await this.search(resourceType, searchParams)) as Partial<Bundle> | undefined;
    if (answer?.resourceType !== 'Bundle')
      throw fail('peer-answer-malformed', 'the FHIR server answered a search with what is no Bundle');
    return (answer.entry ?? []).flatMap(({ resource }) =>
      resource?.resourceType === resourceType ? [resource as never] : [],
    );
  }

  /** By POST (FHIR R4 section 3.1.1.1), so that the number of a patient or an order is in no URL and no log of one. */
  private search(resourceType: string, searchParams: Record<string, string>): Promise<unknown> {
    return this.call((options: object) =>
      this.client.search({ resourceType, searchParams, options: { ...options, postSearch: true } as never }),
    );
  }

  private async call(send: (options: never) => Promise<unknown>): Promise<unknown> {
    const signal = AbortSignal.timeout(this.server.timeoutMs);
    try {
      return await send({ signal } as never);
    } catch (error) {
      throw failureOfAnswer(error, signal.aborted);
    }
  }
}

/** The id of what was written: in the body, else in Location (FHIR R4 section 3.1.0.1.8). */
function idIn(answer: unknown, resourceType: string): string | undefined {
  const { resourceType: type, id } = (answer ?? {}) as Partial<FhirResource>;
  if (type === resourceType && id) return id;
  const { response } = Client.httpFor(answer as never) as { response?: Response };
  const location = response?.headers?.get('location') ?? '';
  return new RegExp(`(?:^|/)${resourceType}/([A-Za-z0-9.-]{1,64})(?:/_history/|$)`).exec(location)?.[1];
}

/** The place in the closed list of what a foreign FHIR server did; see {@link ForeignFhirServer}. */
export function failureOfAnswer(error: unknown, timedOut: boolean): Failure {
  if (timedOut) return fail('peer-timeout', 'the FHIR server did not answer in time', { cause: error });
  const answer = error as { response?: { status?: number }; config?: { headers?: Headers } };
  const status = answer.response?.status;
  if (status === undefined) {
    const failure = asFailure(error);
    // What is no failure of the network never left this process.
    return failure.fate === 'retry'
      ? fail('peer-unavailable', 'the FHIR server cannot be reached', { cause: error })
      : failure;
  }
  if (status === 429 || status === 503)
    return fail('peer-busy', `the FHIR server answered ${status}`, {
      cause: error,
      retryAfterMs: retryAfter(answer.config?.headers?.get('retry-after'), Date.now()),
    });
  if (status === 401)
    return fail('peer-denied', 'the FHIR server answered 401: check the token in bearerTokenEnv', { cause: error });
  if (status === 409 || status === 408 || status >= 500)
    return fail('peer-error', `the FHIR server answered ${status}`, { cause: error });
  if (status < 300)
    return fail('peer-answer-malformed', `the FHIR server answered ${status} with what is no JSON`, { cause: error });
  return fail('peer-refused', `the FHIR server refused the content with ${status}`, { cause: error });
}

/**
 * Milliseconds until the time a Retry-After names (RFC 9110 section 10.2.3: seconds, or a date), at most an hour;
 * undefined if it names none.
 */
export function retryAfter(text: string | null | undefined, now: number): number | undefined {
  const wait = /^\d{1,9}$/.test(text ?? '') ? Number(text) * 1000 : Date.parse(text ?? '') - now;
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), 3_600_000);
}
