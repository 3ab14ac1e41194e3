import dcmjsDimse from 'dcmjs-dimse';

const { Client, Dataset } = dcmjsDimse;
const { CFindRequest, CStoreRequest, NCreateRequest, NSetRequest } = dcmjsDimse.requests;
// Its log names patients and fills the console of a test run.
dcmjsDimse.log.setLevel('warn');

/** Where a DICOM server listens and what it calls itself. */
export interface DicomAddress {
  host?: string;
  port: number;
  aeTitle: string;
}

/** A data set by keyword. */
export type Elements = Record<string, unknown>;

/** The answers to one request, each with its status and data set. */
export interface DimseAnswer {
  status: number;
  comment?: string;
  elements: Elements;
}

/** Who speaks DIMSE for a modality: what a modality says is the same, whichever program sends it. */
export interface Dimse {
  /** Asks for a worklist (C-FIND, DICOM PS3.4 annex K). @returns each answer, the last one too */
  find(callingAeTitle: string, to: DicomAddress, query: Elements): Promise<DimseAnswer[]>;
  /** Tells of an exam (N-CREATE or N-SET of MPPS, DICOM PS3.4 section F.7). @returns undefined where it is not answered */
  report(
    callingAeTitle: string,
    to: DicomAddress,
    operation: 'create' | 'set',
    mppsUid: string,
    elements: Elements,
  ): Promise<DimseAnswer | undefined>;
  /** Stores instances (C-STORE), bytes as ArrayBuffer. @returns the answer to each */
  store(callingAeTitle: string, to: DicomAddress, instances: Elements[]): Promise<DimseAnswer[]>;
}

/** Modality Performed Procedure Step. */
const MPPS = '1.2.840.10008.3.1.2.3.3';

/** By dcmjs-dimse. */
export const byDcmjs: Dimse = {
  async find(callingAeTitle, to, query) {
    const [answers = []] = await exchange(callingAeTitle, to, [CFindRequest.createWorklistFindRequest(query)]);
    return answers;
  },
  async report(callingAeTitle, to, operation, mppsUid, elements) {
    const request = operation === 'create' ? new NCreateRequest(MPPS, mppsUid) : new NSetRequest(MPPS, mppsUid);
    request.setDataset(new Dataset(elements));
    const [[answer] = []] = await exchange(callingAeTitle, to, [request]);
    return answer;
  },
  async store(callingAeTitle, to, instances) {
    const requests = instances.map((elements) => new CStoreRequest(new Dataset(elements, '1.2.840.10008.1.2.1')));
    return (await exchange(callingAeTitle, to, requests)).flat();
  },
};

interface Answer {
  getStatus(): number;
  getErrorComment(): string | undefined;
  getDataset(): { getElements(): Record<string, unknown> } | undefined;
}

type Requests = InstanceType<typeof dcmjsDimse.requests.CEchoRequest>;

/**
 * Sends DIMSE requests on one association and gives the answers of each, in order.
 *
 * @throws Error when the association is refused or the network fails
 */
export function exchange(callingAeTitle: string, to: DicomAddress, requests: unknown[]): Promise<DimseAnswer[][]> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    const answers: DimseAnswer[][] = requests.map(() => []);
    requests.forEach((request, index) => {
      (request as Requests).on('response', (response: unknown) => {
        const answer = response as Answer;
        answers[index]!.push({
          status: answer.getStatus(),
          comment: answer.getErrorComment(),
          elements: answer.getDataset()?.getElements() ?? {},
        });
        if (answers.every(isComplete)) resolve(answers);
      });
      client.addRequest(request as Requests);
    });
    client.on('networkError', (error: unknown) => reject(error instanceof Error ? error : new Error(String(error))));
    client.on('associationRejected', () => reject(new Error(`${to.aeTitle} refused the association`)));
    client.on('closed', () => resolve(answers));
    client.send(to.host ?? '127.0.0.1', to.port, callingAeTitle, to.aeTitle);
  });
}

/** True once the last answer has come: any status but pending (DICOM PS3.7 section C.1.3). */
function isComplete(answers: DimseAnswer[]): boolean {
  const last = answers.at(-1)?.status;
  return last !== undefined && last !== 0xff00 && last !== 0xff01;
}
