import { describe, expect, it } from '@jest/globals';
import type { ImagingStudy, Task } from 'fhir/r4.js';
import { dicomUidIdentifier } from '#fhir';
import { aServiceRequest, failureOf, given, site } from '#testing';
import { changedPostProcessing, postProcessingFrom, postProcessingOf, verified } from './post-processing.decider.js';

const now = new Date('2026-03-02T10:00:00Z');
const order = aServiceRequest();
const study: ImagingStudy = { resourceType: 'ImagingStudy', id: 'i1', status: 'available', subject: order.subject };
const hospital = site({
  procedures: site().procedures.map((one) => ({ ...one, postProcessing: [{ code: '3D', display: '3D model' }] })),
  pacs: { name: 'pacs', qidoUrl: 'http://127.0.0.1:9', lookup: { giveUpAfterSeconds: 60 } },
});
const [asked] = postProcessingOf(study, [order, aServiceRequest({ placerOrderNumber: 'ORD2' })], hospital, now) as [
  Task,
];
const output = [{ type: { text: 'series' }, valueIdentifier: dicomUidIdentifier('1.2.3') }];
const owner = { display: 'Lab' };
const says = (parts: Partial<Task>) => (current: Task) => changedPostProcessing(current, { ...current, ...parts }, now);
const done = changedPostProcessing(asked, { ...asked, status: 'completed', owner, output }, now);

describe('Post-processing', () => {
  it('is asked for once a study, by the procedure of any of its orders', () => {
    expect(postProcessingOf(study, [order, order], hospital, now)).toHaveLength(1);
    expect(asked).toMatchObject({ status: 'requested', reasonCode: { text: '3D model' }, basedOn: [{}, {}] });
    expect(postProcessingOf(study, [order], site(), now)).toEqual([]);
  });

  it('is done with the series it made, which the PACS bears out, or not in time', () => {
    expect(done).toMatchObject({ status: 'completed', businessStatus: { coding: [{ code: 'unverified' }] } });
    const seen = (there: string[], seconds: number) =>
      verified(done, there, hospital, new Date(now.getTime() + seconds * 1000))?.businessStatus?.coding?.[0]?.code;
    expect([seen([], 59), seen([], 60), seen(['1.2.3', '9'], 1)]).toEqual([undefined, 'missing', 'verified']);
  });

  it('may be given back or fail for a reason, and is over then', () => {
    given(asked)
      .when(says({ status: 'accepted', owner }))
      .then({ status: 'accepted', owner });
    given(asked)
      .when(says({ status: 'failed', statusReason: { text: 'motion' } }))
      .then({ status: 'failed' });
    given(asked)
      .when(says({ status: 'failed' }))
      .thenFails('field-missing');
    given(asked)
      .when(says({ status: 'accepted' }))
      .thenFails('field-missing');
    given(asked)
      .when(says({ status: 'draft' }))
      .thenFails('field-invalid');
    given(asked)
      .when(says({ status: 'completed', owner, output: [{ type: {}, valueString: '1.2' }] }))
      .thenFails('field-missing');
    given(done)
      .when(says({ status: 'requested' }))
      .thenFails('state-conflict');
  });

  it.each<[string, object]>([
    ['Task.code', { code: { text: 'other' } }],
    ['Task.status', { status: 'completed' }],
    ['Task.identifier', { identifier: [] }],
    ['Task.focus', { focus: { reference: 'Patient/1' } }],
    ['Task.description', { description: undefined }],
  ])('is not asked for without what it needs: %s', (field, parts) => {
    const request = {
      resourceType: 'Task',
      identifier: [{ system: 'urn:3d', value: '1' }],
      status: 'requested',
      intent: 'order',
      code: asked.code,
      focus: { reference: 'ImagingStudy/i1' },
      description: 'Model',
    };
    expect(postProcessingFrom(request, now).studyId).toBe('i1');
    expect(failureOf(() => postProcessingFrom({ ...request, ...parts }, now)).field).toBe(field);
  });
});
