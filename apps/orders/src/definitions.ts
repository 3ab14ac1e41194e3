import type { CodeSystem, ValueSet } from 'fhir/r4.js';
import { extensionDefinitionsOn, nameOf, published, structureDefinitionOf, systems, type Definition } from '#fhir';
import type { Site } from '#platform';
import { businessStatuses } from './fulfilment.decider.js';
import { procedureValueSet } from './order-profile.js';
import { profilesOf, taskCodeValueSet } from './profiles.js';

/** What the orders service publishes: its profiles, the extensions in them, and the codes they name. */
export function definitionsOf(site: Site): Definition[] {
  const profiles = Object.values(profilesOf(site)).map((profile) => structureDefinitionOf(profile));
  return [...profiles, ...extensionDefinitionsOn('ServiceRequest'), ...valueSets(site), ...codeSystems(site)];
}

function valueSets(site: Site): ValueSet[] {
  const others = site.procedures.flatMap(({ codes }) => codes);
  return [
    {
      resourceType: 'ValueSet',
      id: 'procedure',
      url: procedureValueSet,
      name: nameOf('site-procedure'),
      title: 'Procedures of this site',
      ...published,
      description: `What can be ordered of ${site.name}.`,
      compose: {
        include: [
          { system: systems.procedure },
          ...[...new Set(others.map(({ system }) => system))].map((system) => ({
            system,
            concept: others.filter((one) => one.system === system).map(({ code }) => ({ code })),
          })),
        ],
      },
    },
    {
      resourceType: 'ValueSet',
      id: 'task-code',
      url: taskCodeValueSet,
      name: nameOf('imaging-task-code'),
      title: 'What a Task of an order is for',
      ...published,
      description: 'How far the order is (fulfill), or a doubt to clear (clarify).',
      compose: { include: [{ system: systems.taskCode, concept: [{ code: 'fulfill' }] }, { system: systems.task }] },
    },
  ];
}

function codeSystems(site: Site): CodeSystem[] {
  const system = (id: string, url: string, title: string, concept: CodeSystem['concept']): CodeSystem => ({
    resourceType: 'CodeSystem',
    id,
    url,
    name: nameOf(id),
    title,
    ...published,
    description: title,
    caseSensitive: true,
    content: 'complete',
    concept,
  });
  return [
    system(
      'procedure',
      systems.procedure,
      `Procedures of ${site.name}`,
      site.procedures.map(({ code, display }) => ({ code, display })),
    ),
    system('task', systems.task, 'What a Task is for, beside fulfill', [
      { code: 'clarify', display: 'Clarify the order' },
    ]),
    system(
      'business-status',
      systems.businessStatus,
      'How far an exam is',
      Object.entries(businessStatuses).map(([code, display]) => ({ code, display })),
    ),
  ];
}
