import { expect, it } from '@jest/globals';
import type { Procedure } from 'fhir/r4.js';
import { systems } from './identity.js';
import { wasWrongWorklistEntry } from './wrong-worklist-entry.js';

it.each<[Procedure['status'], string, string, boolean]>([
  ['stopped', systems.dicomCode, '110514', true],
  ['stopped', systems.dicomCode, '110513', false],
  ['stopped', 'urn:other', '110514', false],
  ['completed', systems.dicomCode, '110514', false],
])('An exam that is %s for %s %s was of the wrong worklist entry or not', (status, system, code, isSo) => {
  const statusReason = { coding: [{ system, code }] };
  expect(wasWrongWorklistEntry({ resourceType: 'Procedure', subject: {}, status, statusReason })).toBe(isSo);
});

it('An exam that nobody knows was of no worklist entry', () => expect(wasWrongWorklistEntry(undefined)).toBe(false));
