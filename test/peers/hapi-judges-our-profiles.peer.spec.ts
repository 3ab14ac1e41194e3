import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Bundle, CapabilityStatement, FhirResource, OperationOutcome, StructureDefinition } from 'fhir/r4.js';
import { aPatient, anOrmMessage, peerSuite } from '#testing';
import { profileExamples, siteOfExamples } from '../../apps/orders/src/profile-examples.spec.js';
import { acknowledgedAs, Department } from '../department.js';
import { hapiPeer, startHapi, type Hapi } from './hapi.js';

const headers = { 'content-type': 'application/fhir+json' };
/** In the order of what refers to what. */
const kinds = ['CodeSystem', 'ValueSet', 'StructureDefinition'] as const;

// A foreign validator reads what we publish: whether it is valid R4, and whether it means what our own check does.
peerSuite('HAPI FHIR as validator', hapiPeer, () => {
  let department: Department;
  let hapi: Hapi;
  let capability: CapabilityStatement;
  const published: Record<string, FhirResource[]> = {};
  const ours = async <T>(path: string) => (await (await fetch(`${department.orders.url}/fhir/${path}`)).json()) as T;

  beforeAll(async () => {
    [hapi, department] = await Promise.all([startHapi(), Department.start(['orders'], { site: siteOfExamples() })]);
    capability = await ours('metadata');
    for (const kind of kinds)
      published[kind] = (await ours<Bundle<FhirResource>>(kind)).entry!.map(({ resource }) => resource!);
  }, 300_000);
  afterAll(async () => {
    await department?.stop();
    await hapi?.stop();
  });

  /** The errors HAPI finds, by a profile where one is given. */
  const errorsOf = async (resource: FhirResource, profile?: string): Promise<string[]> => {
    const asked = profile ? `?profile=${encodeURIComponent(profile)}` : '';
    const response = await fetch(`${hapi.url}/${resource.resourceType}/$validate${asked}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(resource),
    });
    const { issue } = (await response.json()) as OperationOutcome;
    return issue
      .filter(({ severity }) => ['error', 'fatal'].includes(severity))
      .map(({ diagnostics = '' }) => diagnostics);
  };
  const isProfile = (one: FhirResource) => (one as StructureDefinition).kind === 'resource';
  const profileOf = (type: string) =>
    capability.rest![0]!.resource!.find((one) => one.type === type)!.supportedProfile![0]!;

  // The first judgement has HAPI load all of R4.
  it('takes all we publish', async () => {
    const isExtension = (one: FhirResource) => (one as StructureDefinition).type === 'Extension';
    const all = kinds.flatMap((kind) => published[kind]!);
    for (const one of [
      ...all.filter((other) => !isExtension(other) && !isProfile(other)),
      ...all.filter(isExtension),
      ...all.filter(isProfile),
    ]) {
      // HAPI judges an extension's definition by a package it would fetch from the internet.
      const unjudged: Record<string, string> = isExtension(one) ? { 'x-not-judged': 'true' } : {};
      const response = await fetch(`${hapi.url}/${one.resourceType}/${one.id}`, {
        method: 'PUT',
        headers: { ...headers, ...unjudged },
        body: JSON.stringify(one),
      });
      const said = response.ok ? '' : await response.text();
      expect([one.resourceType, one.id, response.status, said]).toEqual([one.resourceType, one.id, 201, '']);
    }
  }, 300_000);

  it('finds our CapabilityStatement valid', async () => expect(await errorsOf(capability)).toEqual([]), 120_000);

  it.each(profileExamples.map((example) => [example.what, example] as const))(
    'judges %s by our profile as we do',
    async (_what, { resource, breaks }) => {
      const errors = await errorsOf(resource, profileOf(resource.resourceType));
      if (breaks.length === 0) expect(errors).toEqual([]);
      for (const { rule, field } of breaks)
        expect(errors.join('\n')).toMatch(
          rule ? new RegExp(`Constraint failed: ${rule}\\b`) : new RegExp(`${field}: (minimum required|max allowed)`),
        );
    },
    60_000,
  );

  it('finds what we serve of an order by HL7 true to the profile as well', async () => {
    expect(acknowledgedAs(await department.send(anOrmMessage({ mrn: 'JUDGED', placerOrderNumber: 'JUDGED' })))).toBe(
      'AA',
    );
    const { entry } = await ours<Bundle<FhirResource>>(
      `ServiceRequest?patient=${aPatient({ mrn: 'JUDGED' }).id}&_include=ServiceRequest:patient`,
    );
    expect(entry!.map(({ resource }) => resource!.resourceType)).toEqual(['ServiceRequest', 'Patient']);
    for (const { resource } of entry!) expect(await errorsOf(resource!, profileOf(resource!.resourceType))).toEqual([]);
  }, 60_000);
});
