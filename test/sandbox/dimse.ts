import dcmjsDimse from 'dcmjs-dimse';

const { Client } = dcmjsDimse;
// Its log names patients and fills the console of a test run.
dcmjsDimse.log.setLevel('warn');

/** Where a DICOM server listens and what it calls itself. */
export interface DicomAddress {
  host?: string;
  port: number;
  aeTitle: string;
}

/** The answers to one request, each with its status and data set. */
export interface DimseAnswer {
  status: number;
  comment?: string;
  elements: Record<string, unknown>;
}

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
