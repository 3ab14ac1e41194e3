import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import dcmjsDimse from 'dcmjs-dimse';
import { StudyRootFind } from './study-root-find.js';
import { implicitVrLittleEndian } from './transfer-syntax.js';

const { Server, Scp, Dataset: ForeignDataset } = dcmjsDimse;
const { CFindResponse } = dcmjsDimse.responses;

// Its log fills the console of a test run.
dcmjsDimse.log.setLevel('warn');

type Keys = Record<string, unknown>;
/** What the PACS of dcmjs-dimse answers to a query: matches, or a status. */
type Answer = (query: Keys) => Keys[] | number;

describe('C-FIND in the Study Root', () => {
  let stop: () => void = () => undefined;
  afterEach(() => stop());

  const against = async (answer: Answer, { transferSyntax = '', timeoutMs = 5_000 } = {}) => {
    const port = await freePort();
    const asked: Keys[] = [];
    const server = new Server(pacsFor((query) => (asked.push(query), answer(query)), transferSyntax));
    server.listen(port);
    stop = () => server.close();
    const find = new StudyRootFind({
      host: '127.0.0.1',
      port,
      callingAeTitle: 'COLLIMATOR',
      calledAeTitle: 'PACS',
      timeoutMs,
    });
    return { find, asked };
  };
  const levels: Answer = ({ QueryRetrieveLevel, SeriesInstanceUID }) =>
    QueryRetrieveLevel === 'SERIES'
      ? [
          {
            SeriesInstanceUID: '1.2.1',
            Modality: 'CT',
            BodyPartExamined: 'CHEST',
            SeriesDate: '20260302',
            SeriesTime: '0930',
            SeriesNumber: '3',
          },
          { SeriesInstanceUID: '1.2.2', Modality: 'SR' },
        ]
      : [{ SOPInstanceUID: `${String(SeriesInstanceUID)}.1`, SOPClassUID: '1.9', InstanceNumber: '5' }];

  it.each([
    ['in Explicit VR', ''],
    ['in Implicit VR, where the PACS takes no other', implicitVrLittleEndian],
  ])('gives the series of a study with their instances, level by level, %s', async (_case, transferSyntax) => {
    const { find, asked } = await against(levels, { transferSyntax });
    expect(await find.seriesOf('1.2')).toEqual([
      expect.objectContaining({
        seriesInstanceUid: '1.2.1',
        modality: 'CT',
        bodyPart: 'CHEST',
        startedAt: '2026-03-02T09:30:00',
        number: 3,
        instances: [{ sopInstanceUid: '1.2.1.1', sopClassUid: '1.9', number: 5 }],
      }),
      expect.objectContaining({ modality: 'SR', instances: [expect.objectContaining({ sopInstanceUid: '1.2.2.1' })] }),
    ]);
    expect(
      asked.map((one) => [one.QueryRetrieveLevel, one.StudyInstanceUID, one.SeriesInstanceUID || undefined]),
    ).toEqual([
      ['SERIES', '1.2', undefined],
      ['IMAGE', '1.2', '1.2.1'],
      ['IMAGE', '1.2', '1.2.2'],
    ]);
  });

  it('gives nothing of a study that is not there (yet)', async () => {
    const { find } = await against(() => []);
    expect(await find.seriesOf('1.2')).toEqual([]);
    expect(await find.study('1.2')).toBeUndefined();
    expect(await find.studyOf('1.2.3')).toBeUndefined();
  });

  it('gives a study as it is listed, and not another one that the PACS answers with', async () => {
    const { find } = await against(() => [
      { StudyInstanceUID: '1.3', PatientID: 'B' },
      { StudyInstanceUID: '1.2', PatientID: 'A1', ModalitiesInStudy: ['CT', 'SR'], NumberOfStudyRelatedInstances: '2' },
    ]);
    expect(await find.study('1.2')).toMatchObject({ patientId: 'A1', modalities: ['CT', 'SR'], numberOfInstances: 2 });
    expect((await find.studiesOfPatient('A1')).map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(['1.2']);
  });

  it('gives the studies of some days', async () => {
    const { find, asked } = await against(() => [
      { StudyInstanceUID: '1.2', StudyDate: '20260302', StudyTime: '2359' },
      { StudyInstanceUID: '1.3', StudyDate: '20260304' },
    ]);
    const found = await find.studiesBetween('2026-03-02', '2026-03-03');
    expect(found.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(['1.2']);
    // Of odd length, it is padded with a space (PS3.5 section 6.2).
    expect(asked).toMatchObject([{ QueryRetrieveLevel: 'STUDY', StudyDate: '20260302-20260303 ' }]);
  });

  it('asks for no patient whose number is a wildcard', async () => {
    const { find, asked } = await against(() => []);
    for (const wild of ['A*', '?', '', 'A\\B']) expect(await find.studiesOfPatient(wild)).toEqual([]);
    expect(asked).toEqual([]);
  });

  it.each([
    [0xa700, 'peer-busy'],
    [0xa900, 'peer-refused'],
    [0xc001, 'peer-error'],
    [0x0124, 'peer-refused'],
  ])('fails on status %i as %s', async (status, code) => {
    const { find } = await against(() => status);
    await expect(find.seriesOf('1.2')).rejects.toMatchObject({ code });
  });

  it('fails on a match without the UID it is known by, and quotes nothing of it', async () => {
    const { find } = await against(() => [{ PatientID: 'ZZCANARY' }]);
    const failed = find.study('1.2');
    await expect(failed).rejects.toMatchObject({ code: 'peer-answer-malformed' });
    await expect(failed).rejects.not.toThrow('ZZCANARY');
  });

  it('fails where nobody listens', async () => {
    const port = await freePort();
    const find = new StudyRootFind({ host: '127.0.0.1', port, callingAeTitle: 'A', calledAeTitle: 'B' });
    await expect(find.seriesOf('1.2')).rejects.toMatchObject({ code: 'peer-unavailable' });
  });
});

function pacsFor(answer: Answer, onlySyntax: string): typeof Scp {
  return class extends Scp {
    override associationRequested(association: InstanceType<typeof dcmjsDimse.association.Association>): void {
      for (const { context } of association.getPresentationContexts()) {
        const taken = context.getTransferSyntaxUids().find((one) => onlySyntax === '' || one === onlySyntax);
        if (taken) context.setResult(0, taken);
        else context.setResult(4);
      }
      this.sendAssociationAccept();
    }
    override associationReleaseRequested(): void {
      this.sendAssociationReleaseResponse();
    }
    override cFindRequest(
      request: InstanceType<typeof dcmjsDimse.requests.CFindRequest>,
      respond: (responses: InstanceType<typeof CFindResponse>[]) => void,
    ): void {
      const found = answer((request.getDataset()?.getElements() ?? {}) as Keys);
      const response = (status: number, match?: Keys) => {
        const one = CFindResponse.fromRequest(request);
        one.setStatus(status);
        if (match) one.setDataset(new ForeignDataset(match, request.getDataset()?.getTransferSyntaxUid()));
        return one;
      };
      if (typeof found === 'number') return respond([response(found)]);
      respond([...found.map((one) => response(0xff00, one)), response(0)]);
    }
  };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
