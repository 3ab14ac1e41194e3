import { describe, expect, it } from '@jest/globals';
import { indexOf } from './search-index.js';

describe('indexOf', () => {
  it('indexes a patient by its own id', () => {
    const index = indexOf({ resourceType: 'Patient', id: 'p1', identifier: [{ system: 'urn:a', value: '1' }] });
    expect(index).toEqual({ patient_id: 'p1', status: null, identifiers: ['urn:a|1', '1', 'urn:a|'], refs: [] });
  });

  it('indexes an order by its patient, status, numbers and visit', () => {
    const index = indexOf({
      resourceType: 'ServiceRequest',
      id: 's1',
      status: 'active',
      intent: 'order',
      subject: { reference: 'Patient/p1' },
      encounter: { reference: 'Encounter/e1' },
      identifier: [{ value: '1' }, { system: 'urn:a', value: '1' }],
    });
    expect(index).toEqual({
      patient_id: 'p1',
      status: 'active',
      identifiers: ['1', '|1', 'urn:a|1', 'urn:a|'],
      refs: ['Encounter/e1'],
    });
  });

  it('finds the patient of an appointment among its participants, and what it is based on', () => {
    const index = indexOf({
      resourceType: 'Appointment',
      status: 'booked',
      basedOn: [{ reference: 'ServiceRequest/s1' }, { reference: 'ServiceRequest/s1' }],
      participant: [
        { status: 'accepted', actor: { reference: 'Device/d1' } },
        { status: 'accepted', actor: { reference: 'Patient/p1' } },
        { status: 'accepted', actor: { display: 'somebody' } },
      ],
    });
    expect(index).toMatchObject({ patient_id: 'p1', refs: ['ServiceRequest/s1', 'Device/d1'] });
  });

  it('finds the request of an administration, and one identifier that is no list', () => {
    const index = indexOf({
      resourceType: 'MedicationAdministration',
      status: 'completed',
      medicationCodeableConcept: {},
      subject: { reference: 'Patient/p1' },
      request: { reference: 'MedicationRequest/m1' },
    });
    expect(index).toMatchObject({ patient_id: 'p1', refs: ['MedicationRequest/m1'], identifiers: [] });
    expect(indexOf({ resourceType: 'Bundle', type: 'message', identifier: { value: '7' } }).identifiers).toEqual([
      '7',
      '|7',
    ]);
  });

  it('finds a document by its own number, and who did what by what they did it to', () => {
    const document = {
      resourceType: 'DocumentReference',
      status: 'current',
      masterIdentifier: { system: 'urn:x', value: '7' },
    } as const;
    expect(indexOf({ ...document, content: [] }).identifiers).toEqual(['urn:x|7', '7', 'urn:x|']);
    const target = [{ reference: 'ServiceRequest/s1' }, { reference: 'Patient/p1' }];
    const index = indexOf({ resourceType: 'Provenance', target, recorded: '2026-03-02T08:00:00Z', agent: [] });
    expect(index).toMatchObject({ patient_id: 'p1', refs: ['ServiceRequest/s1'] });
  });

  it('takes nobody for the patient of what names none, nor a patient of another server', () => {
    expect(indexOf({ resourceType: 'Basic', code: {} })).toEqual({
      patient_id: null,
      status: null,
      identifiers: [],
      refs: [],
    });
    const foreign = indexOf({ resourceType: 'Basic', code: {}, subject: { reference: 'http://x/Patient/1' } });
    expect(foreign.patient_id).toBeNull();
  });
});
