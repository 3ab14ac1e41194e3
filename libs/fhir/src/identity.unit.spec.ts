import { describe, expect, it } from '@jest/globals';
import {
  dicomUidIdentifier,
  identifierOf,
  patientIdOf,
  referencedId,
  sameContent,
  serviceRequestIdOf,
  studyInstanceUidOf,
  typedIdentifier,
  uidFromUuid,
  uuidFrom,
} from './index.js';

describe('Identity', () => {
  it('is fixed for ever: these ids are in databases and in other systems', () => {
    expect(patientIdOf({ system: 'urn:oid:2.25.1001', value: 'P1' })).toBe('ef452017-e4ee-5902-b42a-699b074002ca');
    expect(serviceRequestIdOf({ system: 'urn:oid:2.25.1002', value: 'ORD1' })).toBe(
      '5352908f-258c-534a-871b-6c450958eecc',
    );
  });
  it('tells parts apart however they are split', () => {
    const ids = [uuidFrom('a', 'b|c'), uuidFrom('a|b', 'c'), uuidFrom('a', 'b', 'c'), uuidFrom('a%7Cb', 'c')];
    expect(new Set(ids).size).toBe(4);
  });
  it('is a UUID of version 5', () => {
    expect(uuidFrom('x')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
  it('gives a DICOM UID of at most 64 characters without leading zero', () => {
    expect(uidFromUuid('00000000-0000-5000-8000-000000000001')).toBe('2.25.377798542001608471871489');
    expect(uidFromUuid('ffffffff-ffff-ffff-ffff-ffffffffffff').length).toBeLessThanOrEqual(64);
  });
});

describe('Identifiers', () => {
  const resource = { identifier: [typedIdentifier('ACSN', 'urn:x', 'A1'), dicomUidIdentifier('1.2.3')] };
  it('are found by their type, and a study by its UID', () => {
    expect(identifierOf(resource, 'ACSN')?.value).toBe('A1');
    expect(identifierOf(resource, 'PLAC')).toBeUndefined();
    expect(studyInstanceUidOf(resource)).toBe('1.2.3');
    expect(studyInstanceUidOf(undefined)).toBeUndefined();
  });
  it('are referred to by type and id', () => {
    expect(referencedId('Patient/1', 'Patient')).toBe('1');
    expect(referencedId('Practitioner/1', 'Patient')).toBeUndefined();
  });
});

describe('sameContent', () => {
  it('looks at what a resource says, not at how it is written or versioned', () => {
    const stored = {
      resourceType: 'Patient',
      id: '1',
      meta: { versionId: '3' },
      name: [{ family: 'A', given: ['B'] }],
    };
    expect(
      sameContent(stored, { id: '1', name: [{ given: ['B'], family: 'A' }], resourceType: 'Patient', x: undefined }),
    ).toBe(true);
    expect(sameContent(stored, { ...stored, name: [{ family: 'A' }] })).toBe(false);
  });
});
