import { describe, expect, it } from '@jest/globals';
import type { StructureDefinition, ValueSet } from 'fhir/r4.js';
import { validateResource } from '#fhir';
import { Failure } from '#platform';
import { site as aSite } from '#testing';
import { definitionsOf } from './definitions.js';
import { profileExamples, siteOfExamples } from './profile-examples.spec.js';
import { profilesOf } from './profiles.js';

const site = aSite(siteOfExamples());
const definitions = definitionsOf(site);
const structures = definitions.filter((one): one is StructureDefinition => one.resourceType === 'StructureDefinition');

describe('By its profile', () => {
  it.each(profileExamples.map((example) => [example.what, example] as const))(
    '%s is judged',
    (_what, { resource, breaks }) => {
      const told = (): Failure[] => {
        try {
          validateResource(JSON.parse(JSON.stringify(resource)), resource.resourceType, profilesOf(site));
          return [];
        } catch (error) {
          return [error as Failure, ...(error as Failure).also];
        }
      };
      expect(told().map(({ field }) => field)).toEqual(breaks.map(({ field }) => field));
    },
  );

  it('every rule has an example that breaks it', () => {
    const broken = profileExamples.flatMap(({ breaks }) => breaks.map(({ rule }) => rule));
    const rules = Object.values(profilesOf(site)).flatMap((profile) => profile.rules.map(({ key }) => key));
    // A diagnosis without a code is refused before its rule is asked.
    expect(rules.filter((key) => !broken.includes(key))).toEqual(['condition-identity']);
  });
});

describe('What is published', () => {
  it('has each id and url once, and names every type that is taken in', () => {
    for (const key of ['url', 'id'] as const) {
      const all = definitions.map((one) => `${key === 'id' ? one.resourceType : ''} ${one[key]}`);
      expect(new Set(all).size).toBe(all.length);
    }
    const types = structures.filter(({ kind }) => kind === 'resource').map(({ type }) => type);
    expect(types).toEqual([
      'Patient',
      'Encounter',
      'AllergyIntolerance',
      'Condition',
      'Observation',
      'Coverage',
      'ServiceRequest',
      'Task',
    ]);
  });

  it('defines all that its profiles refer to', () => {
    const urls = definitions.map(({ url }) => url);
    for (const { differential } of structures)
      for (const { type = [], binding } of differential!.element)
        for (const url of [...type.flatMap(({ profile = [] }) => profile), binding?.valueSet].filter(
          (one) => one !== undefined,
        ))
          expect(urls).toContain(url);
  });

  it('says the rules and elements that are checked, in the order of R4', () => {
    const order = structures.find(({ id }) => id === 'imaging-order')!.differential!.element;
    expect(order[0]!.constraint!.map(({ key }) => key)).toEqual(
      profilesOf(site).ServiceRequest!.rules.map(({ key }) => key),
    );
    expect(order.filter(({ min }) => min === 1).map(({ path }) => path)).toEqual([
      'ServiceRequest.identifier',
      'ServiceRequest.code',
    ]);
    const paths = order.map(({ path }) => path.slice('ServiceRequest.'.length));
    expect(paths.indexOf('extension')).toBeLessThan(paths.indexOf('modifierExtension'));
    expect(paths.indexOf('occurrence[x]')).toBeLessThan(paths.indexOf('authoredOn'));
  });

  it('lists the procedures of the site, by their other codes as well', () => {
    const procedures = definitions.find(
      (one): one is ValueSet => one.id === 'procedure' && one.resourceType === 'ValueSet',
    )!;
    expect(procedures.compose!.include).toEqual([
      { system: 'urn:collimator:procedure' },
      { system: 'http://loinc.org', concept: [{ code: '24725-4' }] },
    ]);
  });
});
