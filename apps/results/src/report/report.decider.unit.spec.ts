import { describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, ImagingStudy, ServiceRequest } from 'fhir/r4.js';
import { systems, typedIdentifier } from '#fhir';
import { aPatient, aServiceRequest, given } from '#testing';
import { decideReport, filedUnder, namedBy, ordersOf, type ReportSubject } from './report.decider.js';

const FILLERS = 'urn:oid:2.25.1003';
const PLACERS = 'urn:oid:2.25.1002';

interface ReportParts {
  status?: DiagnosticReport['status'];
  text?: string;
  issued?: string;
  accession?: string;
  placer?: { system?: string; value: string };
  patient?: string;
}

/** A report as the mapping gives it: known by its own number, and by those of its order that it states. */
function aReport({ status = 'final', text = 'Normal.', issued, accession, placer, patient = 'P1' }: ReportParts = {}) {
  const report: DiagnosticReport = {
    resourceType: 'DiagnosticReport',
    id: 'r1',
    identifier: [
      typedIdentifier('FILL', FILLERS, 'REP1'),
      ...(placer ? [typedIdentifier('PLAC', placer.system, placer.value)] : []),
      ...(accession ? [typedIdentifier('ACSN', systems.accessionNumber, accession)] : []),
    ],
    status,
    code: { text: 'Report' },
    conclusion: text,
    ...(issued ? { issued: `2026-03-02T${issued}:00+01:00` } : {}),
    subject: { reference: `Patient/${aPatient({ mrn: patient }).id}` },
  };
  return report;
}
const unmatched: ReportSubject = { orders: [] };
const order = aServiceRequest();
const study: ImagingStudy = { resourceType: 'ImagingStudy', id: 's1', status: 'available', subject: {} };
const arrives =
  (stated: DiagnosticReport, subject = unmatched) =>
  (current: DiagnosticReport | undefined) =>
    decideReport(current, stated, subject);

describe('A report', () => {
  it('is filed as it arrives, under its order and study where they are known', () => {
    given(undefined).when(arrives(aReport())).thenExactly(aReport());
    given(undefined)
      .when(arrives(aReport(), { orders: [order], study }))
      .then({
        status: 'final',
        basedOn: [{ reference: `ServiceRequest/${order.id}` }],
        imagingStudy: [{ reference: 'ImagingStudy/s1' }],
      });
  });

  it('goes from preliminary to final to corrected, each once', () => {
    const [preliminary, final, corrected] = (['preliminary', 'final', 'corrected'] as const).map((status) =>
      aReport({ status }),
    );
    given(preliminary).when(arrives(final!)).then({ status: 'final' });
    given(final).when(arrives(corrected!)).then({ status: 'corrected' });
    for (const one of [preliminary, final, corrected]) given(one).when(arrives(one!)).thenExactly(undefined);
  });

  it.each(['final', 'amended', 'corrected', 'appended', 'cancelled'] as const)(
    'that is %s is not overwritten by a preliminary one, however late or new',
    (status) => {
      const current = aReport({ status, issued: '10:00' });
      given(current)
        .when(arrives(aReport({ status: 'preliminary', issued: '12:00' })))
        .thenExactly(undefined);
      given(current)
        .when(arrives(aReport({ status: 'registered' })))
        .thenExactly(undefined);
    },
  );

  it('that is final again with other words is corrected, as is every one after it', () => {
    const first = aReport({ text: 'Normal.' });
    const second = decideReport(first, aReport({ text: 'Nodule.' }), unmatched)!;
    expect(second).toMatchObject({ status: 'corrected', conclusion: 'Nodule.' });
    given(second)
      .when(arrives(aReport({ text: 'Nodule.' })))
      .thenExactly(undefined);
    given(second)
      .when(arrives(aReport({ text: 'Two nodules.' })))
      .then({ status: 'corrected', conclusion: 'Two nodules.' });
  });

  it('with an addendum is told as changed', () => {
    given(aReport({ text: 'Normal.' }))
      .when(arrives(aReport({ text: 'Normal.\nAddendum: compared with 2020.' })))
      .then({ status: 'corrected', conclusion: 'Normal.\nAddendum: compared with 2020.' });
  });

  it('that is final is a correction where another final one was issued before it, which comes late', () => {
    const current = aReport({ text: 'new', issued: '11:00' });
    given(current)
      .when(arrives(aReport({ text: 'old', issued: '10:00' })))
      .then({ status: 'corrected', conclusion: 'new' });
    given(current)
      .when(arrives(aReport({ text: 'new', issued: '10:00' })))
      .thenExactly(undefined);
  });

  it('that was reported again is not withdrawn by an earlier withdrawal', () => {
    given(aReport({ issued: '11:00' }))
      .when(arrives(aReport({ status: 'cancelled', issued: '10:00' })))
      .thenExactly(undefined);
    given(aReport({ issued: '11:00' }))
      .when(arrives(aReport({ status: 'cancelled', issued: '12:00' })))
      .then({ status: 'cancelled' });
  });

  it.each(['preliminary', 'corrected'] as const)('that is %s does not go back to one issued earlier', (status) => {
    const [earlier, later] = [
      { text: 'old', issued: '10:00' },
      { text: 'new', issued: '11:00' },
    ];
    given(aReport({ status, ...later }))
      .when(arrives(aReport({ status, ...earlier })))
      .thenExactly(undefined);
    given(aReport({ status, ...earlier }))
      .when(arrives(aReport({ status, ...later })))
      .then({ conclusion: 'new' });
  });

  it('that was corrected does not go back to the final one before it', () => {
    given(aReport({ status: 'corrected', issued: '11:00' }))
      .when(arrives(aReport({ text: 'old', issued: '10:00' })))
      .thenExactly(undefined);
  });

  it('that was withdrawn may be made anew, but is not by a late version', () => {
    const withdrawn = aReport({ status: 'cancelled', issued: '11:00' });
    given(withdrawn)
      .when(arrives(aReport({ issued: '12:00' })))
      .then({ status: 'final' });
    given(withdrawn)
      .when(arrives(aReport({ issued: '10:00' })))
      .thenExactly(undefined);
    given(withdrawn).when(arrives(aReport())).thenExactly(undefined);
  });

  it('stays under its order where a later version does not name it, and can still be found by its numbers', () => {
    const filed = filedUnder(aReport({ accession: 'A1', placer: { value: 'ORD1' } }), { orders: [order], study });
    const corrected = decideReport(filed, aReport({ status: 'corrected', accession: 'A2' }), unmatched)!;
    expect(corrected.basedOn).toEqual([{ reference: `ServiceRequest/${order.id}` }]);
    expect(corrected.imagingStudy).toEqual([{ reference: 'ImagingStudy/s1' }]);
    expect(corrected.identifier!.map(({ value }) => value)).toEqual(['REP1', 'A2', 'ORD1']);
  });

  it('moves to the order that a later version names, and leaves the study of the other', () => {
    const filed = filedUnder(aReport(), { orders: [order], study });
    const other = aServiceRequest({ placerOrderNumber: 'ORD2' });
    const moved = decideReport(filed, aReport(), { orders: [other] })!;
    expect(moved.basedOn).toEqual([{ reference: `ServiceRequest/${other.id}` }]);
    expect(moved.imagingStudy).toBeUndefined();
  });

  it('is news where its order became known, and none where only its study did', () => {
    given(aReport())
      .when(arrives(aReport(), { orders: [order] }))
      .then({ basedOn: [{}] });
    given(filedUnder(aReport(), { orders: [order] }))
      .when(arrives(aReport(), { orders: [order], study }))
      .thenExactly(undefined);
  });

  it("never overwrites another patient's", () => {
    given(aReport({ patient: 'P1' }))
      .when(arrives(aReport({ patient: 'P2', status: 'corrected' })))
      .thenFails('duplicate-key');
  });

  it('keeps the version it was made from', () => {
    given({ ...aReport(), meta: { versionId: '3' } })
      .when(arrives(aReport({ text: 'New.' })))
      .then({ meta: { versionId: '3' } });
  });
});

describe('The orders of a report', () => {
  const anOrder = (placerOrderNumber: string, accessionNumber: string, mrn = 'P1') =>
    aServiceRequest({ placerOrderNumber, accessionNumber, patient: aPatient({ mrn }) });
  const numbers = (orders: ServiceRequest[]) => orders.map(({ identifier }) => identifier![0]!.value);
  const one = anOrder('ORD1', 'A1');

  it('are found by accession number, or else by placer order number', () => {
    const candidates = [one, anOrder('ORD2', 'A2')];
    expect(numbers(ordersOf(aReport({ accession: 'A2' }), candidates))).toEqual(['ORD2']);
    expect(numbers(ordersOf(aReport({ placer: { system: PLACERS, value: 'ORD2' } }), candidates))).toEqual(['ORD2']);
    expect(numbers(ordersOf(aReport({ accession: 'A2', placer: { value: 'ORD1' } }), candidates))).toEqual(['ORD2']);
    expect(ordersOf(aReport(), candidates)).toEqual([]);
    expect(ordersOf(aReport({ accession: 'A3', placer: { value: 'ORD3' } }), candidates)).toEqual([]);
  });

  it('are all of one accession number, unless the placer order number picks one', () => {
    const candidates = [one, anOrder('ORD2', 'A1')];
    expect(numbers(ordersOf(aReport({ accession: 'A1' }), candidates))).toEqual(['ORD1', 'ORD2']);
    expect(numbers(ordersOf(aReport({ accession: 'A1', placer: { value: 'ORD2' } }), candidates))).toEqual(['ORD2']);
  });

  it("are never another patient's", () => {
    const theirs = anOrder('ORD1', 'A1', 'P2');
    const report = aReport({ accession: 'A1', placer: { system: PLACERS, value: 'ORD1' } });
    expect(ordersOf(report, [theirs])).toEqual([]);
    expect(namedBy(report, theirs)).toBe('accession number');
  });

  it('are never those of another authority', () => {
    expect(ordersOf(aReport({ placer: { system: FILLERS, value: 'ORD1' } }), [one])).toEqual([]);
  });

  it('are found by a number without an authority only where one of the patient has it', () => {
    const report = aReport({ placer: { value: 'ORD1' } });
    const ofAnotherAuthority = { ...one, id: 'x', identifier: [typedIdentifier('PLAC', FILLERS, 'ORD1')] };
    expect(numbers(ordersOf(report, [one]))).toEqual(['ORD1']);
    expect(ordersOf(report, [one, ofAnotherAuthority])).toEqual([]);
    expect(namedBy(report, anOrder('ORD1', 'A1', 'P2'))).toBeUndefined();
  });
});
