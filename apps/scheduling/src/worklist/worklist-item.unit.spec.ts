import { describe, expect, it } from '@jest/globals';
import type { Encounter } from 'fhir/r4.js';
import { Dataset, encodeDataset, explicitVrLittleEndian, type DatasetInput } from '#dicom';
import { extensions } from '#fhir';
import { aPatient, aServiceRequest, site as aSite } from '#testing';
import { bookedAppointment } from '../booking/appointment.decider.js';
import { requestedSteps } from '../booking/requested-steps.decider.js';
import { filterOf } from './serve-worklist-when-modality-asks.js';
import { visitAttributes, worklistItem } from './worklist-item.js';

const site = aSite();

function itemOf({
  patient = aPatient(),
  order = aServiceRequest(),
  start = '2026-07-02T07:30:00Z',
}: { patient?: ReturnType<typeof aPatient>; order?: ReturnType<typeof aServiceRequest>; start?: string } = {}) {
  const [step] = requestedSteps(order, site);
  const slot = { station: site.stations[0]!, start: new Date(start), end: new Date(start), reason: '', isOurs: true };
  const appointment = bookedAppointment(order, step!, slot, patient);
  return worklistItem({ patient, order, appointment }, step!, site, new Date('2026-07-01T08:00:00Z'));
}

describe('A worklist item', () => {
  it('has its time in the zone of the site', () => {
    expect(itemOf()).toMatchObject({ startDate: '20260702', startTime: '093000' });
    expect(itemOf({ start: '2026-01-02T23:30:00Z' })).toMatchObject({ startDate: '20260103', startTime: '003000' });
  });

  it('says nothing it does not know', () => {
    const { attributes } = itemOf({ patient: aPatient({ birthDate: '1970', gender: undefined, name: undefined }) });
    for (const key of [
      'PatientBirthDate',
      'PatientSex',
      'PatientName',
      'PatientWeight',
      'Allergies',
      'PregnancyStatus',
    ] as const)
      expect([key, attributes[key]]).toEqual([key, '']);
  });

  it('has the number of the patient that the site goes by, not another', () => {
    const patient = aPatient({
      identifier: [
        { system: 'urn:oid:2.25.9', value: 'ELSEWHERE' },
        { system: 'urn:oid:2.25.1001', value: 'HERE' },
      ],
    });
    expect(itemOf({ patient }).dicomPatientId).toBe('HERE');
  });

  it('never cuts a code short', () => {
    const protocol = { system: '99SGH', code: 'A-PROTOCOL-CODE-OF-30-LETTERS', display: 'Long' };
    const steps = [{ url: extensions.scheduledProcedureStep, extension: [{ url: 'protocol', valueCoding: protocol }] }];
    const { attributes } = itemOf({ order: aServiceRequest({ extension: steps }) });
    const [step] = attributes.ScheduledProcedureStepSequence as DatasetInput[];
    expect(step!.ScheduledProtocolCodeSequence).toEqual([
      { LongCodeValue: protocol.code, CodingSchemeDesignator: '99SGH', CodeMeaning: 'Long' },
    ]);
  });

  it('can be written whatever a name or a note holds', () => {
    const patient = aPatient({ name: [{ family: 'Ö\\^='.repeat(40), given: ['\u0000名'] }] });
    const order = aServiceRequest({
      note: [{ text: 'Line 1\nLine 2 \\ end' }],
      reasonCode: [{ text: 'x'.repeat(300) }],
    });
    const { attributes } = itemOf({ patient, order });
    expect(encodeDataset(Dataset.of(attributes), explicitVrLittleEndian).length).toBeGreaterThan(500);
  });
});

describe('What an item says of the visit and the order', () => {
  it('is where the patient is, not where they were or will be, and what they need', () => {
    const place = (display: string, status: 'active' | 'completed' | 'reserved') => ({ location: { display }, status });
    const encounter: Encounter = {
      resourceType: 'Encounter',
      status: 'in-progress',
      class: {},
      location: [place('WARD A', 'completed'), place('WARD B', 'active'), place('WARD C', 'reserved')],
      hospitalization: { specialArrangement: [{ text: 'Wheelchair' }, { coding: [{ code: 'B1' }] }] },
    };
    const said = visitAttributes(encounter);
    expect([said.CurrentPatientLocation, said.SpecialNeeds]).toEqual(['WARD B', 'Wheelchair, B1']);
  });

  it('is what endangers others, and who may see it', () => {
    const order = aServiceRequest({
      extension: [{ url: extensions.danger, valueCodeableConcept: { text: 'MRSA' } }],
      meta: { security: [{ code: 'V', display: 'very restricted' }] },
    });
    const { attributes } = itemOf({ order });
    expect([attributes.PatientState, attributes.ConfidentialityCode]).toEqual(['MRSA', 'very restricted']);
  });
});

describe('What the database narrows a query by', () => {
  const filter = (query: DatasetInput, step: DatasetInput = {}) =>
    filterOf(Dataset.of({ ...query, ScheduledProcedureStepSequence: [step] }));

  it.each([
    [{ AccessionNumber: 'A1' }, {}, { accessionNumbers: ['A1'] }],
    [{ AccessionNumber: 'A*' }, {}, { accessionNumbers: undefined }],
    [{ AccessionNumber: ['A1', 'B*'] }, {}, { accessionNumbers: undefined }],
    [{}, { Modality: ['CT', 'MR'] }, { modalities: ['CT', 'MR'] }],
    [{ PatientName: ['DOE^J*', 'X'] }, {}, { patientNameLike: undefined }],
    [{ PatientName: 'DOE=X' }, {}, { patientNameLike: undefined }],
    [{ PatientName: 'DOE^J*' }, {}, { patientNameLike: 'doe^j%' }],
    [{ PatientName: 'D_E%' }, {}, { patientNameLike: 'd\\_e\\%' }],
    [{ PatientName: 'Müller*' }, {}, { patientNameLike: undefined }],
    [{}, { ScheduledProcedureStepStartDate: '20260301-20260302' }, { fromDate: '20260301', toDate: '20260302' }],
    [{}, { ScheduledProcedureStepStartDate: '-20260302' }, { fromDate: undefined, toDate: '20260302' }],
    [{}, { ScheduledProcedureStepStartDate: 'today' }, { fromDate: undefined, toDate: undefined }],
    [{}, { ScheduledProcedureStepStatus: 'STARTED' }, { statuses: ['SCHEDULED', 'STARTED'] }],
  ])('%j %j is %j', (query, step, expected) => {
    expect(filter(query, step)).toMatchObject(expected);
  });

  it.each(['SCHEDULED', 'COMPLETED', 'DISCONTINUED', 'CANCELLED'])('shows no other status for %s', (status) => {
    expect(filter({}, { ScheduledProcedureStepStatus: status }).statuses).toBeUndefined();
  });
});
