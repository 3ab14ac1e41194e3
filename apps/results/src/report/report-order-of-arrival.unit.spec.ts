import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DiagnosticReport, ImagingStudy, Task } from 'fhir/r4.js';
import { aServiceRequest, site } from '#testing';
import { openEscalation, withdrawEscalation } from '#tasks';
import { criticalRowOf, decideCriticalResult, planOf } from './critical-result.decider.js';
import { decideReading } from '../reading/reading.decider.js';
import { decideReport, filedUnder } from './report.decider.js';

/* Versions of one report, as their system made them one after the other, arriving in any order, some of them twice. */
type Status = DiagnosticReport['status'];
const order = aServiceRequest();
const subject = { orders: [order] };
const stages: Status[][] = [['registered'], ['partial', 'preliminary'], ['final', 'corrected', 'amended', 'appended']];

const versionsOf = (statuses: readonly Status[], isFlagged: (index: number) => boolean = () => false) =>
  statuses.map((status, index): DiagnosticReport => ({
    resourceType: 'DiagnosticReport',
    id: 'r1',
    identifier: [{ system: 's', value: 'R1' }],
    status,
    code: { text: 'Report' },
    subject: order.subject,
    issued: new Date(Date.UTC(2026, 2, 2, 8, index)).toISOString(),
    conclusion: `Version ${index}.`,
    ...(isFlagged(index) ? { conclusionCode: [{ coding: [{ code: 'RID49480' }] }] } : {}),
  }));
const arriving = (versions: readonly DiagnosticReport[]) => {
  let report: DiagnosticReport | undefined;
  for (const version of versions) report = decideReport(report, version, subject) ?? report;
  return report!;
};
/** A history of stages that go on, and an order in which its versions arrive, with repetitions. */
const history = (stage: fc.Arbitrary<Status>[]) =>
  fc
    .tuple(...stage)
    .map((statuses) => statuses.filter((status) => status !== 'unknown'))
    .filter((statuses) => statuses.length > 0);
const some = (statuses: Status[]) => fc.constantFrom<Status>('unknown', ...statuses);
const goingOn = history([
  some(stages[0]!),
  some(stages[1]!),
  some(stages[1]!),
  some(['final']),
  some(stages[2]!),
  some(stages[2]!),
]);
const anyHistory = fc.array(fc.constantFrom<Status>(...stages.flat(), 'cancelled'), { minLength: 1, maxLength: 6 });
const arrivalsOf = <T>(versions: T[]) =>
  fc
    .tuple(
      fc.shuffledSubarray(versions, { minLength: versions.length }),
      fc.array(fc.constantFrom(...versions), { maxLength: 3 }),
    )
    .map(([all, again]) => [...all, ...again]);

describe('Versions of a report in any order of arrival', () => {
  it('end in the state that they would have come to in the order they were made in', () => {
    const property = fc.property(
      goingOn.chain((statuses) => fc.tuple(fc.constant(statuses), arrivalsOf(versionsOf(statuses)))),
      ([statuses, arrivals]) => {
        expect(arriving(arrivals)).toEqual(arriving(versionsOf(statuses)));
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  it('with withdrawals among them end in the same words, released or not', () => {
    const said = ({ status, conclusion }: DiagnosticReport) => [
      stages.findIndex((stage) => stage.includes(status)),
      conclusion,
    ];
    const property = fc.property(
      anyHistory.chain((statuses) => fc.tuple(fc.constant(statuses), arrivalsOf(versionsOf(statuses)))),
      ([statuses, arrivals]) => {
        const [any, made] = [arriving(arrivals), arriving(versionsOf(statuses))].map(said);
        expect(any).toEqual(made);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  it('leave somebody asked about a critical result exactly where the report has one', () => {
    const rows = [
      {
        category: '1',
        display: 'One',
        codes: [{ code: 'RID49480' }],
        levels: [{ ask: 'Physician', acknowledgeWithinMinutes: 5 }],
      },
    ];
    const hospital = site({ criticalResults: rows });
    const versions = goingOn.chain((statuses) =>
      fc.nat(63).chain((flags) => arrivalsOf(versionsOf(statuses, (index) => ((flags >> index) & 1) === 1))),
    );
    const property = fc.property(versions, (arrivals) => {
      let report: DiagnosticReport | undefined;
      let tasks: Task[] = [];
      for (const [index, version] of arrivals.entries()) {
        const next = decideReport(report, version, subject);
        if (!next) continue;
        report = { ...next, meta: { versionId: String(index + 1) } };
        const { open, withdraw } = decideCriticalResult(report, 'RIS', [order], tasks, hospital);
        tasks = tasks.map((task) =>
          withdraw.some((one) => one.task === task) ? withdrawEscalation(task, 'x', new Date(0))! : task,
        );
        tasks.push(...open.map((matter) => openEscalation(matter, planOf(matter, [order], hospital), new Date(0))));
      }
      const asked = tasks.filter(({ status }) => status === 'requested').length;
      expect(asked).toBe(criticalRowOf(report!, 'RIS', hospital) ? 1 : 0);
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('leave the study read, to be signed or to be read as the last word says', () => {
    const study: ImagingStudy = { resourceType: 'ImagingStudy', id: 'i1', status: 'available', subject: order.subject };
    const hospital = site();
    const readingAfter = (versions: readonly DiagnosticReport[]) => {
      let task: Task | undefined;
      let report: DiagnosticReport | undefined;
      for (const version of versions) {
        report = decideReport(report, version, subject) ?? report;
        task =
          decideReading(
            task,
            { study, orders: [order], reports: [filedUnder(report!, subject)] },
            hospital,
            new Date(0),
          ) ?? task;
      }
      return [task!.status, task!.businessStatus];
    };
    const property = fc.property(
      anyHistory.chain((statuses) => fc.tuple(fc.constant(statuses), arrivalsOf(versionsOf(statuses)))),
      ([statuses, arrivals]) => {
        expect(readingAfter(arrivals)).toEqual(readingAfter(versionsOf(statuses)));
      },
    );
    fc.assert(property, { numRuns: 300 });
  });
});
