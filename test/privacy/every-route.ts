import type { CapabilityStatement } from 'fhir/r4.js';
import type { RunningService } from '#testing';

/** One thing that can be asked of a service by HTTP. */
export interface Route {
  method: string;
  /** As OpenAPI writes it, such as `/parked/{id}`; of FHIR as it is asked. */
  path: string;
}

/** Asks a service as somebody. */
export type Ask = (service: RunningService, path: string, init?: RequestInit) => Promise<Response>;

/** Every route that a running service says it has: by its OpenAPI, and by its CapabilityStatement. */
export async function routesOf(service: RunningService, ask: Ask): Promise<Route[]> {
  const { paths } = (await (await ask(service, '/openapi.json')).json()) as { paths: Record<string, object> };
  const own = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
  );
  const statement = (await (await ask(service, '/fhir/metadata')).json()) as CapabilityStatement;
  const served = statement.rest![0]!.resource!.flatMap(({ type, interaction = [] }) => [
    { method: 'GET', path: `/fhir/${type}` },
    { method: 'POST', path: `/fhir/${type}/_search` },
    ...(interaction.some(({ code }) => code === 'history-type')
      ? [{ method: 'GET', path: `/fhir/${type}/_history` }]
      : []),
  ]);
  return [...own, ...served];
}
