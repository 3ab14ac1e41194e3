import { describe, expect, it } from '@jest/globals';
import type { Encounter } from 'fhir/r4.js';
import { Dataset, tagOf, type DatasetInput, type Keyword } from '#dicom';
import { extensions, systems, typedIdentifier } from '#fhir';
import { anAllergy, anObservation, aPatient, aServiceRequest, site as aSite } from '#testing';
import { bookedAppointment } from '../booking/appointment.decider.js';
import { requestedSteps } from '../booking/requested-steps.decider.js';
import { worklistItem } from './worklist-item.js';

/** What an item says where everything is known, one attribute a row: IHE RAD-5, DICOM PS3.4 table K.6-1. */
const site = aSite({
  stations: [
    { aeTitle: 'CT01', name: 'CT 1', modalities: ['CT'], room: 'CT room 1' },
    { aeTitle: 'DX01', name: 'X-ray 1', modalities: ['DX'], room: 'X-ray room 1' },
    { aeTitle: 'DXMOBILE', name: 'Mobile X-ray', modalities: ['DX'], room: 'X-ray store', portable: true },
  ],
});
const concept = (code: string, system = `${systems.hl7Table}0124`) => ({ coding: [{ system, code }] });
const patient = aPatient({ mrn: '700001', name: [{ family: 'Beispiel', given: ['Berta'] }], birthDate: '1961-04-17' });
const encounter: Encounter = {
  resourceType: 'Encounter',
  status: 'in-progress',
  class: {},
  identifier: [typedIdentifier('VN', 'urn:oid:2.25.1001', 'V700001')],
  location: [{ location: { display: '4W 12 B' }, status: 'active' }],
  hospitalization: { specialArrangement: [{ text: 'Wheelchair' }] },
};
const order = aServiceRequest({
  patient,
  procedure: { code: 'CTCHESTC', display: 'CT chest with contrast' },
  priority: 'stat',
  requester: { display: 'Rita Referrer' },
  performer: [{ display: 'Tina Technologist' }],
  reasonCode: [{ coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code: 'R51', display: 'Headache' }] }],
  note: [{ text: 'Pacemaker' }],
  meta: { security: [{ code: 'R', display: 'restricted' }] },
  extension: [
    { url: extensions.danger, valueCodeableConcept: { text: 'MRSA, contact isolation' } },
    { url: extensions.transport, valueCodeableConcept: concept('WHLC') },
    { url: extensions.callback, valueContactPoint: { value: '+49 30 1234567' } },
  ],
});
order.identifier!.push(typedIdentifier('FILL', 'urn:oid:2.25.1003', 'F1'), {
  system: systems.requestedProcedureId,
  value: 'RP1',
});
const clinical = [
  anAllergy('Penicillin'),
  anAllergy('Latex', { reaction: [{ manifestation: [{ text: 'rash' }] }] }),
  anObservation('29463-7', { effectiveDateTime: '2026-06-01', valueQuantity: { value: 70.5, code: 'kg' } }),
  anObservation('82810-3', {
    effectiveDateTime: '2026-06-01',
    valueCodeableConcept: concept('77386006', 'http://snomed.info/sct'),
  }),
];

function itemOf(of = order, known: { encounter?: Encounter; clinical?: typeof clinical } = { encounter, clinical }) {
  const [step] = requestedSteps(of, site);
  const station = site.stations.find(({ modalities }) => modalities.includes(step!.modality))!;
  const start = new Date('2026-07-02T07:30:00Z');
  const appointment = bookedAppointment(of, step!, { station, start, end: start, reason: '', isOurs: true }, patient);
  return Dataset.of(
    worklistItem({ patient, order: of, ...known, appointment }, step!, site, new Date('2026-07-01T08:00:00Z'))
      .attributes,
  );
}
const item = itemOf();
const step = item.items('ScheduledProcedureStepSequence')[0]!;

describe('A worklist item says', () => {
  it.each<[Keyword, string, string[]]>([
    ['AccessionNumber', '00080050', ['TST00000001']],
    ['ReferringPhysicianName', '00080090', ['Referrer^Rita']],
    ['PatientName', '00100010', ['Beispiel^Berta']],
    ['PatientID', '00100020', ['700001']],
    ['IssuerOfPatientID', '00100021', ['SGH']],
    ['PatientBirthDate', '00100030', ['19610417']],
    ['PatientSex', '00100040', ['F']],
    ['PatientWeight', '00101030', ['70.5']],
    ['MedicalAlerts', '00102000', ['Pacemaker']],
    ['Allergies', '00102110', ['Penicillin', 'Latex: rash']],
    ['PregnancyStatus', '001021C0', ['3']],
    ['AdditionalPatientHistory', '001021B0', ['Pacemaker']],
    ['StudyInstanceUID', '0020000D', [expect.stringMatching(/^2\.25\.\d+$/) as unknown as string]],
    ['RequestingPhysician', '00321032', ['Referrer^Rita']],
    ['RequestedProcedureDescription', '00321060', ['CT chest with contrast']],
    ['AdmissionID', '00380010', ['V700001']],
    ['SpecialNeeds', '00380050', ['Wheelchair']],
    ['CurrentPatientLocation', '00380300', ['4W 12 B']],
    ['PatientState', '00380500', ['MRSA, contact isolation']],
    ['RequestedProcedureID', '00401001', ['RP1']],
    ['ReasonForTheRequestedProcedure', '00401002', ['Headache']],
    ['RequestedProcedurePriority', '00401003', ['STAT']],
    ['PatientTransportArrangements', '00401004', ['WHLC']],
    ['ConfidentialityCode', '00401008', ['restricted']],
    ['ConfidentialityConstraintOnPatientDataDescription', '00403001', ['restricted']],
    ['OrderCallbackPhoneNumber', '00402010', ['+49 30 1234567']],
    ['PlacerOrderNumberImagingServiceRequest', '00402016', ['ORD1']],
    ['FillerOrderNumberImagingServiceRequest', '00402017', ['F1']],
  ])('%s (%s): %j', (keyword, tag, expected) => {
    expect(tagOf(keyword)).toBe(Number.parseInt(tag, 16));
    expect(item.texts(keyword)).toEqual(expected);
  });

  it.each<[Keyword, string, string[]]>([
    ['Modality', '00080060', ['CT']],
    ['RequestedContrastAgent', '00321070', ['iopromide']],
    ['ScheduledStationAETitle', '00400001', ['CT01']],
    ['ScheduledProcedureStepStartDate', '00400002', ['20260702']],
    ['ScheduledProcedureStepStartTime', '00400003', ['093000']],
    ['ScheduledPerformingPhysicianName', '00400006', ['Technologist^Tina']],
    ['ScheduledProcedureStepDescription', '00400007', ['Chest venous phase']],
    ['ScheduledProcedureStepID', '00400009', ['TST00000001-1']],
    ['ScheduledStationName', '00400010', ['CT 1']],
    ['ScheduledProcedureStepLocation', '00400011', ['CT room 1']],
    ['PreMedication', '00400012', ['Nothing to eat for 4 hours']],
    ['ScheduledProcedureStepStatus', '00400020', ['SCHEDULED']],
  ])('of its step %s (%s): %j', (keyword, tag, expected) => {
    expect(tagOf(keyword)).toBe(Number.parseInt(tag, 16));
    expect(step.texts(keyword)).toEqual(expected);
  });

  it.each<[Dataset, Keyword, DatasetInput]>([
    [
      item,
      'RequestedProcedureCodeSequence',
      { CodeValue: 'CTCHESTC', CodingSchemeDesignator: '99LOCAL', CodeMeaning: 'CT chest with contrast' },
    ],
    [
      item,
      'ReasonForRequestedProcedureCodeSequence',
      { CodeValue: 'R51', CodingSchemeDesignator: 'I10', CodeMeaning: 'Headache' },
    ],
    [
      step,
      'ScheduledProtocolCodeSequence',
      { CodeValue: 'CTCHC', CodingSchemeDesignator: '99SGH', CodeMeaning: 'Chest venous phase' },
    ],
  ])('by a code %#: %s', (dataset, keyword, expected) => {
    expect(dataset.items(keyword)).toEqual([Dataset.of(expected)]);
  });

  it('that the exam is at the bedside, whatever else is said of the way', () => {
    const bedside = aServiceRequest({
      ...order,
      procedure: { code: 'XRCHEST2', display: 'X-ray' },
      locationCode: [concept('PORT')],
    });
    expect(itemOf({ ...bedside, identifier: order.identifier }).text('PatientTransportArrangements')).toBe('PORT');
  });

  it('no number to call that would be cut short, and no reason by a code of no system', () => {
    const vague = aServiceRequest({
      patient,
      extension: [{ url: extensions.callback, valueContactPoint: { value: '+49 30 1234567 ext. 890' } }],
      reasonCode: [{ coding: [{ code: 'X1' }], text: 'Pain' }],
    });
    const said = itemOf(vague);
    expect(said.texts('OrderCallbackPhoneNumber')).toEqual([]);
    expect(said.items('ReasonForRequestedProcedureCodeSequence')).toEqual([]);
    expect(said.text('ReasonForTheRequestedProcedure')).toBe('Pain');
  });

  it('nothing of what nobody told, and has a place for it all the same', () => {
    const bare = itemOf(aServiceRequest({ patient }), {});
    const places: Keyword[] = [
      'PatientWeight',
      'MedicalAlerts',
      'Allergies',
      'PregnancyStatus',
      'AdditionalPatientHistory',
      'AdmissionID',
      'SpecialNeeds',
      'CurrentPatientLocation',
      'PatientState',
      'ReasonForTheRequestedProcedure',
      'PatientTransportArrangements',
      'ConfidentialityCode',
      'ConfidentialityConstraintOnPatientDataDescription',
      'OrderCallbackPhoneNumber',
      'FillerOrderNumberImagingServiceRequest',
    ];
    expect(places.filter((keyword) => !bare.has(keyword) || bare.hasValue(keyword))).toEqual([]);
    const [only] = bare.items('ScheduledProcedureStepSequence');
    const ofStep: Keyword[] = [
      'ScheduledPerformingPhysicianName',
      'PreMedication',
      'RequestedContrastAgent',
      'ScheduledProtocolCodeSequence',
    ];
    expect(ofStep.filter((keyword) => !only!.has(keyword) || only!.hasValue(keyword))).toEqual([]);
  });
});
