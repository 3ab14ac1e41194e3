import type { ElementDefinition, FhirResource, StructureDefinition } from 'fhir/r4.js';
import { extensions } from './identity.js';
import { endOf, nameOf, published } from './structure-definition.js';

/** What one extension of ours is: on which resource, what it means, and its value or its parts. */
interface ExtensionRow {
  url: string;
  on: FhirResource['resourceType'];
  means: string;
  /** Datatype of its value. */
  value?: string;
  /** The resource a reference is to. */
  target?: FhirResource['resourceType'];
  /** The extensions within, by url, each with its datatype and meaning. */
  parts?: Readonly<Record<string, readonly [string, string]>>;
}

const rows: readonly ExtensionRow[] = [
  {
    url: extensions.scheduledProcedureStep,
    on: 'ServiceRequest',
    means: "One scheduled procedure step that the placer's system asks for (HL7 v2.5 segment IPC).",
    parts: {
      stepId: ['string', 'Scheduled Procedure Step ID, DICOM (0040,0009)'],
      modality: ['code', 'Modality, DICOM (0008,0060)'],
      protocol: ['Coding', 'Scheduled Protocol Code, DICOM (0040,0008)'],
      stationName: ['string', 'Scheduled Station Name, DICOM (0040,0010)'],
      location: ['string', 'Scheduled Procedure Step Location, DICOM (0040,0011)'],
      stationAeTitle: ['string', 'Scheduled Station AE Title, DICOM (0040,0001)'],
    },
  },
  {
    url: extensions.danger,
    on: 'ServiceRequest',
    means: 'What of the patient endangers others, such as an infection (HL7 OBR-12). It is on the worklist.',
    value: 'CodeableConcept',
  },
  {
    url: extensions.clarification,
    on: 'ServiceRequest',
    means: 'The Task that has the placer clear a doubt. The order waits for it unless it is STAT. Assigned here.',
    value: 'Reference',
    target: 'Task',
  },
  {
    url: extensions.stationAeTitle,
    on: 'Appointment',
    means: 'AE title of the station that does the exam, DICOM (0040,0001).',
    value: 'string',
  },
  {
    url: extensions.modality,
    on: 'Appointment',
    means: 'Modality of the scheduled procedure step, DICOM (0008,0060).',
    value: 'code',
  },
  { url: extensions.schedulingReason, on: 'Appointment', means: 'Why this station and time.', value: 'string' },
  {
    url: extensions.barcode,
    on: 'Medication',
    means: 'A GS1 barcode of its package, in parentheses (GS1 General Specifications). Sent: in any form.',
    value: 'string',
  },
  {
    url: extensions.injectionPhase,
    on: 'MedicationAdministration',
    means: 'One phase of a power injection. What was given of the agent is dosage.dose, over all phases.',
    parts: {
      number: ['positiveInt', 'Which phase it is'],
      content: ['code', 'contrast, saline or mixed'],
      contrastPercent: ['decimal', 'How much of a mixed phase is contrast, in percent'],
      plannedVolume: ['Quantity', 'What the injector was set to'],
      volume: ['Quantity', 'What it delivered'],
      plannedRate: ['Quantity', 'What the injector was set to'],
      rate: ['Quantity', 'What it delivered'],
      peakPressure: ['Quantity', 'Highest pressure'],
      pressureLimit: ['Quantity', 'The pressure it was set to stay below'],
    },
  },
  {
    url: extensions.extravasation,
    on: 'MedicationAdministration',
    means: 'Contrast went beside the vessel.',
    parts: {
      site: ['CodeableConcept', 'Where'],
      volume: ['Quantity', 'About how much'],
    },
  },
  {
    url: extensions.givenAlthough,
    on: 'MedicationAdministration',
    means: 'Why it is given, or was, although a right of the administration speaks against it.',
    parts: {
      right: ['code', 'agent, dose, route, time or screening'],
      reason: ['string', 'For people'],
    },
  },
  {
    url: extensions.deviation,
    on: 'MedicationAdministration',
    means: 'What differs from the plan, or between those who stated it. Assigned here.',
    parts: {
      kind: ['code', 'dose, rate, phase, pressure, stated-dose, stated-lot, phases-dose'],
      text: ['string', 'For people'],
    },
  },
];

/** The extensions of ours on a resource, as StructureDefinitions. */
export function extensionDefinitionsOn(type: FhirResource['resourceType']): StructureDefinition[] {
  return rows.filter(({ on }) => on === type).map(definitionOf);
}

/** Urls of the extensions of ours on a resource. */
export function extensionsOn(type: FhirResource['resourceType']): string[] {
  return rows.filter(({ on }) => on === type).map(({ url }) => url);
}

function definitionOf({ url, on, means, value, target, parts }: ExtensionRow): StructureDefinition {
  const id = `${on.toLowerCase()}-${endOf(url)}`;
  return {
    resourceType: 'StructureDefinition',
    id,
    url,
    name: nameOf(id),
    title: `${on}: ${endOf(url).replaceAll('-', ' ')}`,
    ...published,
    description: means,
    fhirVersion: '4.0.1',
    kind: 'complex-type',
    abstract: false,
    context: [{ type: 'element', expression: on }],
    type: 'Extension',
    baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Extension',
    derivation: 'constraint',
    differential: {
      element: [
        { id: 'Extension', path: 'Extension', short: means, definition: means },
        ...(parts ? partsOf(parts) : [none('Extension.extension')]),
        { id: 'Extension.url', path: 'Extension.url', fixedUri: url },
        ...(value ? [valueOf('Extension', value, target)] : [none('Extension.value[x]')]),
      ],
    },
  };
}

function partsOf(parts: NonNullable<ExtensionRow['parts']>): ElementDefinition[] {
  const slicing = { discriminator: [{ type: 'value' as const, path: 'url' }], ordered: false, rules: 'open' as const };
  return [
    { id: 'Extension.extension', path: 'Extension.extension', slicing },
    ...Object.entries(parts).flatMap(([name, [datatype, means]]): ElementDefinition[] => {
      const id = `Extension.extension:${name}`;
      const path = 'Extension.extension';
      return [
        { id, path, sliceName: name, short: means, definition: means, min: 0, max: '1' },
        { id: `${id}.extension`, path: `${path}.extension`, max: '0' },
        { id: `${id}.url`, path: `${path}.url`, fixedUri: name },
        { ...valueOf(id, datatype), path: `${path}.value[x]` },
      ];
    }),
  ];
}

function none(path: string): ElementDefinition {
  return { id: path, path, max: '0' };
}

function valueOf(id: string, code: string, target?: string): ElementDefinition {
  const targetProfile = target && [`http://hl7.org/fhir/StructureDefinition/${target}`];
  return {
    id: `${id}.value[x]`,
    path: `${id}.value[x]`,
    min: 1,
    type: [{ code, ...(targetProfile ? { targetProfile } : {}) }],
  };
}
