import { Client } from 'fhir-kit-client';
import type { Bundle, FhirResource } from 'fhir/r4.js';
import { fail, Failure } from '#platform';

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

  /** Sends a transaction Bundle: all of it happens, or nothing. */
  async transaction(body: Bundle): Promise<Bundle> {
    return (await this.call((options) => this.client.transaction({ body: body as never, options }))) as Bundle;
  }

  /** Updates the one resource that matches, or creates it (FHIR R4 conditional update). */
  async conditionalUpdate(resource: FhirResource, searchParams: Record<string, string>): Promise<void> {
    await this.call((options) =>
      this.client.update({ resourceType: resource.resourceType, searchParams, body: resource as never, options }),
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

/** The place in the closed list of what a foreign FHIR server did; see {@link ForeignFhirServer}. */
export function failureOfAnswer(error: unknown, timedOut: boolean): Failure {
  if (timedOut) return fail('peer-timeout', 'the FHIR server did not answer in time', { cause: error });
  const response = (error as { response?: { status?: number; headers?: Headers } }).response;
  const status = response?.status;
  if (status === undefined) return fail('peer-unavailable', 'the FHIR server cannot be reached', { cause: error });
  if (status === 429 || status === 503)
    return fail('peer-busy', `the FHIR server answered ${status}`, {
      cause: error,
      retryAfterMs: retryAfter(response?.headers),
    });
  if (status === 409 || status === 408 || status >= 500)
    return fail('peer-error', `the FHIR server answered ${status}`, { cause: error });
  return fail('peer-refused', `the FHIR server refused the content with ${status}`, { cause: error });
}

function retryAfter(headers: Headers | undefined): number | undefined {
  const text = headers?.get?.('retry-after');
  return text && /^\d{1,5}$/.test(text) ? Number(text) * 1000 : undefined;
}
