import { describe, expect, it } from '@jest/globals';
import { aPatient } from '#testing';
import { anExam } from '../a-results-service.spec.js';
import { rejectionText, wasWrongWorklistEntry } from './rejection.decider.js';

describe('what was rejected', () => {
  it('is said by reason, in one order', () => {
    const rejected: [string, string][] = [
      ['1', '113001'],
      ['2', '113001'],
      ['3', '110514'],
    ];
    const text =
      'Not shown: 1 object: Incorrect worklist entry selected (DCM 110514); 2 objects: Rejected for Quality Reasons (DCM 113001)';
    expect(rejectionText(new Map(rejected))).toBe(text);
    expect(rejectionText(new Map([...rejected].reverse()))).toBe(text);
    expect(rejectionText(new Map())).toBeUndefined();
  });

  it('is an exam under the wrong worklist entry by its DICOM code only, and only where it was stopped', () => {
    const exam = (status: 'stopped' | 'completed', system: string, code: string) => ({
      ...anExam('1.9', status, aPatient(), []),
      statusReason: { coding: [{ system, code }] },
    });
    const dcm = 'http://dicom.nema.org/resources/ontology/DCM';
    expect(wasWrongWorklistEntry(exam('stopped', dcm, '110514'))).toBe(true);
    expect(wasWrongWorklistEntry(exam('stopped', dcm, '110513'))).toBe(false);
    expect(wasWrongWorklistEntry(exam('stopped', 'urn:other', '110514'))).toBe(false);
    expect(wasWrongWorklistEntry(exam('completed', dcm, '110514'))).toBe(false);
    expect(wasWrongWorklistEntry(undefined)).toBe(false);
  });
});
