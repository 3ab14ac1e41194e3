import {
  codeIn,
  codeOf,
  dateTimeIn,
  dicomDateTime,
  isSameCode,
  measuredIn,
  srDocumentFrom,
  textIn,
  within,
  type Code,
  type Dataset,
  type SrNode,
} from '#dicom';
import { fail } from '#platform';
import codes from './injector-codes.json' with { type: 'json' };
import concepts from './injector-concepts.json' with { type: 'json' };

/** What was injected: contrast, or what flushes the line; unknown where the report does not say. */
export type AgentKind = 'contrast' | 'flush' | 'unknown';

/** One agent of the injector's syringes or bottles. */
export interface InjectedAgent {
  identifier?: string;
  kind: AgentKind;
  code?: Code;
  brandName?: string;
  lot?: string;
  udi?: string;
  barcodes: string[];
}

/** One phase as it was delivered. Volumes in millilitres, rates in millilitres per second, pressures in kilopascal. */
export interface InjectedPhase {
  kind: 'test' | 'contrast' | 'flush' | 'mixed' | 'pause' | 'unknown';
  volumeMl?: number;
  /** What of it was contrast; undefined where that cannot be told. */
  contrastMl?: number;
  rateMlPerSecond?: number;
  peakRateMlPerSecond?: number;
  peakPressureKpa?: number;
  startedAt?: string;
  endedAt?: string;
}

/** The numbers by which a report names its exam and patient. */
export interface ReportReferences {
  patientId?: string;
  accessionNumbers: string[];
  studyUids: string[];
  scheduledStepIds: string[];
  performedStepUids: string[];
}

/** What an injector says was given (Performed Imaging Agent Administration SR). */
export interface InjectorReport {
  references: ReportReferences;
  agents: InjectedAgent[];
  phases: InjectedPhase[];
  route?: Code;
  site?: Code;
  /** Why it ended before its time, or that it did; undefined for one that was completed. */
  stopped?: Code | 'discontinued';
  extravasation?: { volumeMl?: number };
  adverseEvents: Code[];
  /** What the injector noticed, in order. */
  events: { code: Code; at?: string }[];
  person?: string;
  startedAt?: string;
  endedAt?: string;
}

const of = (name: keyof typeof concepts): Code[] => concepts[name].codes.map(codeOf);

/**
 * Reads a report of an injector: what of it was delivered, phase by phase. What it does not say, says without unit, or in
 * a unit that is none of the measure is left out. Concepts are looked for wherever they stand under what they belong to,
 * since injectors nest them differently.
 *
 * @param zone IANA zone of times that carry no offset and whose document has none
 * @throws Failure field-missing, field-invalid for what is no such report, without a value in it
 */
export function injectorReportFrom(dataset: Dataset, zone: string): InjectorReport {
  const { root, timezone } = srDocumentFrom(dataset);
  if (!isOneOf(root.concept, of('report')))
    throw fail('field-invalid', 'is no Performed Imaging Agent Administration (130227, DCM)', {
      field: 'ConceptNameCodeSequence',
    });
  const instant = (nodes: SrNode[]) => dicomDateTime(dateTimeIn(nodes), timezone, zone);
  const agents = within(root, of('agent')).map(agentFrom);
  const phases = phasesOf(root).map(({ node, step }) => phaseFrom(node, step, agents, instant));
  const adverse = within(root, of('adverseEvents')).flatMap(adverseCodes);
  const lost = measureIn(within(root, of('extravasationVolume')), codes.volumes);
  const isBeside = lost !== undefined || adverse.some((one) => isOneOf(one, codes.extravasation.map(codeOf)));
  const started = phases.flatMap(({ startedAt }) => startedAt ?? []).sort();
  const ended = phases.flatMap(({ endedAt }) => endedAt ?? []).sort();
  return {
    references: referencesOf(dataset, root),
    agents,
    phases,
    route: codeIn(within(root, of('route'))),
    site: codeIn(within(root, of('site'))),
    stopped: stoppedBy(root),
    ...(isBeside ? { extravasation: lost === undefined ? {} : { volumeMl: lost } } : {}),
    adverseEvents: adverse,
    events: within(root, of('injectorEvents')).flatMap((container) =>
      within(container, of('injectorEvent')).flatMap((event) => {
        const code = codeIn([event]);
        const at = instant(within(event, of('eventAt')));
        return code ? [{ code, ...(at ? { at } : {}) }] : [];
      }),
    ),
    person: textIn(within(root, of('person'))),
    startedAt: started[0] ?? instant(within(root, of('started'))),
    endedAt: ended.at(-1) ?? instant(within(root, of('ended'))),
  };
}

/** How much contrast was given, in millilitres; undefined where a phase does not say how much of it was contrast. */
export function contrastGivenMl({ phases }: Pick<InjectorReport, 'phases'>): number | undefined {
  let sum = 0;
  for (const phase of phases.filter(({ kind }) => kind !== 'pause')) {
    if (phase.contrastMl === undefined) return undefined;
    sum += phase.contrastMl;
  }
  return Math.round(sum * 100) / 100;
}

function agentFrom(node: SrNode): InjectedAgent {
  const text = (name: keyof typeof concepts) => textIn(within(node, of(name)));
  const brandName = text('brandName');
  const all = codesUnder(node);
  const code = codeIn(within(node, of('agentCode'))) ?? all.find((one) => isOneOf(one, codes.flush.map(codeOf)));
  const name = (brandName ?? code?.meaning ?? '').toLowerCase();
  const isFlush =
    all.some((one) => isOneOf(one, codes.flush.map(codeOf))) || codes.flushNames.some((one) => name.includes(one));
  return {
    identifier: text('agentIdentifier'),
    kind: isFlush ? 'flush' : code || brandName ? 'contrast' : 'unknown',
    code,
    brandName,
    lot: text('lot'),
    udi: text('udi'),
    barcodes: within(node, of('barcode')).flatMap((one) => textIn([one]) ?? []),
  };
}

/** The phases with the step they are of; where a report has none, its activities, or else its steps. */
function phasesOf(root: SrNode): { node: SrNode; step?: SrNode }[] {
  const steps = within(root, of('step'));
  const places = steps.length > 0 ? steps.map((step) => ({ node: step, step })) : [{ node: root, step: undefined }];
  return places.flatMap(({ node, step }) => {
    const parts = ['phase', 'activity'] as const;
    const found = parts.map((part) => within(node, of(part))).find((some) => some.length > 0);
    return (found ?? (step ? [step] : [])).map((one) => ({ node: one, step }));
  });
}

function phaseFrom(
  node: SrNode,
  step: SrNode | undefined,
  agents: readonly InjectedAgent[],
  instant: (nodes: SrNode[]) => string | undefined,
): InjectedPhase {
  const isPause = codes.pauses.includes(codeIn(within(node, of('phaseType')))?.value ?? '');
  const stepKind = (codes.stepKinds as Record<string, string>)[
    codeIn(step ? within(step, of('stepType')) : [])?.value ?? ''
  ];
  const activities = within(node, of('activity'));
  const parts = (activities.length > 0 ? activities : [node]).map((part) => ({
    agent: agentOf(part, agents) ?? agentOf(node, agents),
    volumeMl: measureIn(within(part, of('volume')), codes.volumes),
  }));
  const stated = measureIn(within(node, [...of('phaseVolume'), ...of('stepVolume')]), codes.volumes);
  const volumeMl = stated ?? sumOf(parts.map((part) => part.volumeMl));
  const kinds = new Set(parts.map(({ agent }) => agent?.kind ?? (stepKind === 'flush' ? 'flush' : 'unknown')));
  const [kind] = kinds.size === 1 ? kinds : [undefined];
  const ofContrast = parts.filter(({ agent }) => agent?.kind === 'contrast').map((part) => part.volumeMl);
  const contrastMl =
    kind === 'contrast' ? volumeMl : kind === 'flush' ? 0 : kinds.has('unknown') ? undefined : sumOf(ofContrast);
  const largest = (name: 'peakFlowRate' | 'peakPressure' | 'flowRate', table: Readonly<Record<string, number>>) => {
    const values = within(node, of(name)).flatMap((one) => measureIn([one], table) ?? []);
    return values.length > 0 ? Math.max(...values) : undefined;
  };
  const times = (name: 'started' | 'ended') =>
    within(node, of(name))
      .flatMap((one) => instant([one]) ?? [])
      .sort();
  return {
    kind: isPause ? 'pause' : stepKind === 'test' && kind !== 'flush' ? 'test' : (kind ?? 'mixed'),
    volumeMl,
    contrastMl: isPause ? (volumeMl === undefined ? 0 : contrastMl) : contrastMl,
    rateMlPerSecond: largest('flowRate', codes.flowRates),
    peakRateMlPerSecond: largest('peakFlowRate', codes.flowRates),
    peakPressureKpa: largest('peakPressure', codes.pressures),
    startedAt: times('started')[0],
    endedAt: times('ended').at(-1),
  };
}

/** The agent that is referred to; the only one where there is but one. */
function agentOf(node: SrNode, agents: readonly InjectedAgent[]): InjectedAgent | undefined {
  const referenced = textIn(within(node, of('agentReferenced')));
  if (referenced !== undefined) return agents.find(({ identifier }) => identifier === referenced);
  return agents.length === 1 ? agents[0] : undefined;
}

function stoppedBy(root: SrNode): InjectorReport['stopped'] {
  const completion = codeIn(within(root, of('completion')));
  if (completion && !isSameCode(completion, codeOf(codes.complete))) return completion;
  const events = within(root, of('injectorEvent')).flatMap((one) => codeIn([one]) ?? []);
  const ending = events.find((one) => isOneOf(one, codes.terminated.map(codeOf)));
  if (ending) return ending;
  const discontinued = codeIn(within(root, of('discontinued')));
  return isSameCode(discontinued, codeOf(codes.yes)) ? 'discontinued' : undefined;
}

function adverseCodes(container: SrNode): Code[] {
  return container.children
    .flatMap((child) => codeIn([child]) ?? [])
    .filter(({ value }) => !['373066001', '373067005', 'R-0038D', 'R-00339'].includes(value));
}

function referencesOf(dataset: Dataset, root: SrNode): ReportReferences {
  const requests = dataset.items('ReferencedRequestSequence');
  const texts = (name: 'accessionNumber' | 'studyUid' | 'performedStepUid') =>
    within(root, of(name)).flatMap((one) => textIn([one]) ?? []);
  const unique = (values: (string | undefined)[]) => [...new Set(values.flatMap((one) => one?.trim() || []))];
  const places = [dataset, ...requests];
  return {
    patientId: dataset.text('PatientID'),
    accessionNumbers: unique([...places.map((one) => one.text('AccessionNumber')), ...texts('accessionNumber')]),
    studyUids: unique([...places.map((one) => one.text('StudyInstanceUID')), ...texts('studyUid')]),
    scheduledStepIds: unique(places.map((one) => one.text('ScheduledProcedureStepID'))),
    performedStepUids: unique([
      ...dataset.items('ReferencedPerformedProcedureStepSequence').map((one) => one.text('ReferencedSOPInstanceUID')),
      ...texts('performedStepUid'),
    ]),
  };
}

function codesUnder(node: SrNode): Code[] {
  return node.children.flatMap((child) => [
    ...(child.type === 'CODE' && child.code ? [child.code] : []),
    ...codesUnder(child),
  ]);
}

function measureIn(nodes: SrNode[], table: Readonly<Record<string, number>>): number | undefined {
  const measured = measuredIn(nodes);
  const factor = measured && Object.hasOwn(table, measured.unit.value) ? table[measured.unit.value] : undefined;
  if (measured === undefined || factor === undefined || measured.value < 0) return undefined;
  return Math.round(measured.value * factor * 1000) / 1000;
}

function sumOf(values: (number | undefined)[]): number | undefined {
  if (values.some((one) => one === undefined)) return undefined;
  return values.reduce<number>((sum, one) => sum + one!, 0);
}

function isOneOf(code: Code | undefined, some: readonly Code[]): boolean {
  return some.some((one) => isSameCode(code, one));
}
