import type { MedicationAdministration } from 'fhir/r4.js';
import { clientOf, type Site } from '#platform';
import type { Source } from './administration-desk.js';

/**
 * Who says it: an injector, if the site file names the client as one, or if only devices are named as having given it
 * (an interface engine sends for several injectors); else a person.
 */
export function sourceOf(body: unknown, request: object, site: Pick<Site, 'injectors'>): Source {
  const client = clientOf(request);
  const isOfInjector = site.injectors.some((one) => one.client === client) || namesOnlyDevices(body);
  return { by: isOfInjector ? 'injector' : 'person', client };
}

function namesOnlyDevices(body: unknown): boolean {
  const { performer } = (body ?? {}) as Partial<MedicationAdministration>;
  if (!Array.isArray(performer) || performer.length === 0) return false;
  return performer.every((one) => {
    const { reference, type } = one?.actor ?? {};
    return type === 'Device' || (typeof reference === 'string' && reference.startsWith('Device/'));
  });
}
