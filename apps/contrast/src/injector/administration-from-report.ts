import type { CodeableConcept, Extension, Medication, MedicationAdministration } from 'fhir/r4.js';
import { preferredCode, type Code } from '#dicom';
import { dicomUidIdentifier, extensions, systems } from '#fhir';
import { ofTable } from '#platform';
import { millilitresQuantity } from '../administration/quantities.js';
import { contrastGivenMl, type InjectedAgent, type InjectedPhase, type InjectorReport } from './injector-report.js';

/** Who sent a report, and under which number. */
export interface ReportOrigin {
  sopInstanceUid: string;
  aeTitle: string;
}

/** What a report lacks to say what was given. */
export type Lacking = 'volume of contrast' | 'time' | 'agent';

const fhirSystems: Readonly<Record<string, string>> = {
  DCM: systems.dicomCode,
  SCT: 'http://snomed.info/sct',
  SRT: 'http://snomed.info/srt',
  LN: 'http://loinc.org',
  RXNORM: 'http://www.nlm.nih.gov/research/umls/rxnorm',
  RADLEX: 'http://radlex.org',
};

/**
 * What was given by a report, as a MedicationAdministration without patient and plan: the volume is that of the contrast
 * alone, each phase is an extension. A lot is there where the injector knows it; it is asked of persons only.
 *
 * @returns what the report lacks, where it does not say what was given
 */
export function administrationFrom(
  report: InjectorReport,
  { sopInstanceUid, aeTitle }: ReportOrigin,
): Omit<MedicationAdministration, 'subject'> | Lacking[] {
  const contrastMl = contrastGivenMl(report);
  const agents = report.agents.filter(({ kind }) => kind === 'contrast');
  const lacking: Lacking[] = [
    ...(contrastMl === undefined || report.phases.length === 0 ? (['volume of contrast'] as const) : []),
    ...(report.startedAt ? [] : (['time'] as const)),
    ...(agents.length === 1 || contrastMl === 0 ? [] : (['agent'] as const)),
  ];
  if (lacking.length > 0) return lacking;
  const wasGiven = contrastMl! > 0;
  const identifier = dicomUidIdentifier(sopInstanceUid);
  const phases = report.phases.filter(({ volumeMl }) => volumeMl !== undefined && volumeMl > 0);
  const extension = [...phases.map(phaseExtension), ...extravasationOf(report)];
  const rates = new Set(phases.filter(({ kind }) => kind === 'contrast').map(({ rateMlPerSecond }) => rateMlPerSecond));
  const [rate] = rates.size === 1 ? rates : [undefined];
  return {
    resourceType: 'MedicationAdministration',
    identifier: [identifier],
    ...(extension.length > 0 ? { extension } : {}),
    status: wasGiven ? (report.stopped ? 'stopped' : 'completed') : 'not-done',
    ...(report.stopped ? { statusReason: [stopReason(report.stopped)] } : {}),
    contained: [medicationOf(agents[0])],
    medicationReference: { reference: '#m' },
    ...(report.endedAt && report.endedAt !== report.startedAt
      ? { effectivePeriod: { start: report.startedAt, end: report.endedAt } }
      : { effectiveDateTime: report.startedAt }),
    performer: [
      ...(report.person ? [{ actor: { display: report.person.replaceAll('^', ' ').trim() } }] : []),
      { actor: { type: 'Device', identifier: { system: systems.aeTitle, value: aeTitle }, display: aeTitle } },
    ],
    ...(wasGiven
      ? {
          dosage: {
            dose: millilitresQuantity(contrastMl!),
            ...(rate ? { rateQuantity: perSecond(rate) } : {}),
            ...(report.route ? { route: conceptOf(report.route) } : {}),
            ...(report.site ? { site: conceptOf(report.site) } : {}),
          },
        }
      : {}),
  };
}

/** A DICOM code as FHIR has it; without system where its scheme is none that FHIR knows. */
export function conceptOf(code: Code): CodeableConcept {
  const { scheme, value, meaning } = preferredCode(code);
  const system = ofTable(fhirSystems, scheme);
  return {
    ...(system ? { coding: [{ system, code: value, ...(meaning ? { display: meaning } : {}) }] } : {}),
    text: meaning ?? value,
  };
}

function medicationOf(agent: InjectedAgent | undefined): Medication {
  const named = agent?.code ? conceptOf(agent.code) : undefined;
  const barcodes = agent?.barcodes ?? [];
  return {
    resourceType: 'Medication',
    id: 'm',
    code: { ...named, text: agent?.brandName ?? named?.text ?? 'contrast agent' },
    ...(barcodes.length > 0
      ? { extension: barcodes.map((valueString) => ({ url: extensions.barcode, valueString })) }
      : {}),
    ...(agent?.lot ? { batch: { lotNumber: agent.lot } } : {}),
  };
}

/** In the parts that `phasesIn` reads, and when it began and ended, and that it was a test. */
function phaseExtension(phase: InjectedPhase, index: number): Extension {
  const { volumeMl = 0, contrastMl = 0 } = phase;
  const content = contrastMl === 0 ? 'saline' : contrastMl === volumeMl ? 'contrast' : 'mixed';
  const extension: Extension[] = [
    { url: 'number', valuePositiveInt: index + 1 },
    { url: 'content', valueCode: content },
    ...(content === 'mixed'
      ? [{ url: 'contrastPercent', valueDecimal: Math.round((contrastMl / volumeMl) * 1000) / 10 }]
      : []),
    { url: 'volume', valueQuantity: millilitresQuantity(volumeMl) },
    ...(phase.rateMlPerSecond === undefined ? [] : [{ url: 'rate', valueQuantity: perSecond(phase.rateMlPerSecond) }]),
    ...(phase.peakPressureKpa === undefined
      ? []
      : [
          {
            url: 'peakPressure',
            valueQuantity: {
              value: phase.peakPressureKpa,
              unit: 'kPa',
              system: 'http://unitsofmeasure.org',
              code: 'kPa',
            },
          },
        ]),
    ...(phase.startedAt ? [{ url: 'started', valueDateTime: phase.startedAt }] : []),
    ...(phase.endedAt ? [{ url: 'ended', valueDateTime: phase.endedAt }] : []),
    ...(phase.kind === 'test' ? [{ url: 'purpose', valueCode: 'test' }] : []),
  ];
  return { url: extensions.injectionPhase, extension };
}

function extravasationOf({ extravasation, site }: InjectorReport): Extension[] {
  if (!extravasation) return [];
  const { volumeMl } = extravasation;
  const extension: Extension[] = [
    { url: 'site', valueCodeableConcept: site ? conceptOf(site) : { text: 'not told by the injector' } },
    ...(volumeMl ? [{ url: 'volume', valueQuantity: millilitresQuantity(volumeMl) }] : []),
  ];
  return [{ url: extensions.extravasation, extension }];
}

function stopReason(stopped: Code | 'discontinued'): CodeableConcept {
  return stopped === 'discontinued' ? { text: 'Administration discontinued' } : conceptOf(stopped);
}

function perSecond(value: number) {
  return { value, unit: 'mL/s', system: 'http://unitsofmeasure.org', code: 'mL/s' };
}
