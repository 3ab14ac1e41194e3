import { describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, ImagingStudy } from 'fhir/r4.js';
import { dicomUidIdentifier, uuidFrom } from '#fhir';
import { site as aSite } from '#testing';
import { priorsOf } from './prior-studies.decider.js';

const site = aSite({
  pacs: {
    name: 'pacs',
    qidoUrl: 'http://pacs',
    wadoUrl: 'http://pacs/wado/',
    viewerUrl: 'http://view/?s={studyInstanceUid}',
  },
});
const study = (
  uid: string,
  modality: string,
  site: string | undefined,
  started?: string,
  status: ImagingStudy['status'] = 'available',
): ImagingStudy => ({
  resourceType: 'ImagingStudy',
  id: uuidFrom('ImagingStudy', uid),
  identifier: [dicomUidIdentifier(uid)],
  status,
  subject: { reference: 'Patient/p' },
  basedOn: [{ reference: `ServiceRequest/o${uid}` }],
  ...(started ? { started } : {}),
  series: [
    {
      uid: `${uid}.1`,
      modality: { code: modality },
      ...(site ? { bodySite: { code: site, display: `site ${site}` } } : {}),
    },
  ],
});
const current = study('9', 'CT', 'chest', '2026-03-02T10:00:00+01:00');
const priors = (
  studies: ImagingStudy[],
  more: { reports?: DiagnosticReport[]; inPacs?: Parameters<typeof priorsOf>[1]['inPacs'] } = {},
) => priorsOf(current, { studies: [...studies, current], reports: [], inPacs: [], ...more }, site);

describe('prior studies', () => {
  it('come with those of the same body site and modality first, then site, modality, the rest; newest first', () => {
    const found = priors([
      study('1', 'MR', 'head', '2026-01-01'),
      study('2', 'CT', 'chest', '2020-01-01'),
      study('3', 'CT', 'head', '2025-01-01'),
      study('4', 'DX', 'chest', '2024-01-01'),
      study('5', 'CT', 'chest', '2023-01-01'),
    ]);
    expect(found.map(({ studyInstanceUid, relevance }) => [studyInstanceUid, relevance])).toEqual([
      ['5', 'same-body-site-and-modality'],
      ['2', 'same-body-site-and-modality'],
      ['4', 'same-body-site'],
      ['3', 'same-modality'],
      ['1', 'other'],
    ]);
  });

  it('are not the study itself, later ones, nor what is withdrawn or was not seen in the PACS', () => {
    const found = priors([
      study('1', 'CT', 'chest', '2026-03-02T11:00:00+01:00'),
      study('2', 'CT', 'chest', '2026-01-01', 'entered-in-error'),
      study('3', 'CT', 'chest', '2026-01-01', 'registered'),
      study('4', 'CT', 'chest', '2026-03-02'),
      study('5', 'CT', 'chest'),
    ]);
    expect(found.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(['4', '5']);
  });

  it('have their reports and links', () => {
    const report = {
      resourceType: 'DiagnosticReport',
      id: 'r',
      status: 'final',
      code: {},
      basedOn: [{ reference: 'ServiceRequest/o1' }],
    } as DiagnosticReport;
    expect(priors([study('1', 'CT', 'chest', '2026-01-01')], { reports: [report] })).toMatchObject([
      {
        reports: [{ id: 'r', status: 'final' }],
        viewerUrl: 'http://view/?s=1',
        wadoUrl: 'http://pacs/wado/studies/1',
        bodySites: ['site chest'],
      },
    ]);
  });

  it('of the PACS are added where they are not known here, also not as withdrawn', () => {
    const inPacs = [
      { studyInstanceUid: '7', modalities: ['CT'], startedAt: '2025-05-05T08:00:00' },
      { studyInstanceUid: '2', modalities: ['CT'], startedAt: '2025-05-05' },
      { studyInstanceUid: '9', modalities: ['CT'] },
    ];
    const found = priors([study('2', 'CT', 'chest', '2026-01-01', 'entered-in-error')], { inPacs });
    expect(found).toMatchObject([{ studyInstanceUid: '7', relevance: 'same-modality', onlyInPacs: true }]);
  });

  it('are not alike for a report or key images of the same kind', () => {
    expect(
      priorsOf(study('9', 'SR', undefined), { studies: [study('1', 'SR', undefined)], reports: [], inPacs: [] }, site),
    ).toMatchObject([{ relevance: 'other' }]);
  });
});
