import { connect, type Socket } from 'node:net';
import { Dataset, type DatasetInput } from './dataset.js';
import { decodeDataset } from './dataset-decoder.js';
import { encodeDataset } from './dataset-encoder.js';
import { commands, encodeCommand, messageIdAfter, type DimseMessage } from './dimse.js';
import { MessageAssembler } from './message-assembler.js';
import {
  decodeAssociateAccept,
  decodeData,
  encodeAssociateRequest,
  encodeData,
  encodeReleaseRequest,
  pduTypes,
} from './pdu.js';
import { PduStream } from './pdu-stream.js';
import { explicitVrLittleEndian } from './transfer-syntax.js';
import { sopClasses } from './uids.js';

export interface ScuOptions {
  host: string;
  port: number;
  callingAeTitle: string;
  calledAeTitle: string;
  /** Longest silence of the peer while it owes an answer; default 10 s. */
  timeoutMs?: number;
}

/** One response of the peer. */
export interface ScuResponse {
  status: number;
  command: Dataset;
  dataset?: Dataset;
}

/** The requesting side of an association: one request at a time, in Explicit VR Little Endian. */
export class ScuAssociation {
  private readonly stream = new PduStream(1024 * 1024);
  private readonly assembler = new MessageAssembler(16 * 1024 * 1024);
  private readonly contextIds = new Map<string, number>();
  private receiveMessage: (message: DimseMessage) => void = () => undefined;
  private receivePdu: (type: number, body: Buffer) => void = () => undefined;
  private fail: (error: Error) => void = () => undefined;
  private messageId = 0;

  private constructor(
    private readonly socket: Socket,
    private readonly options: ScuOptions,
  ) {
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      for (const { type, body } of this.stream.push(chunk)) this.receive(type, body);
    });
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('the peer closed the connection')));
  }

  /** Asks for an association for these SOP classes. @throws Error if the peer does not accept it */
  static async open(options: ScuOptions, abstractSyntaxes: string[]): Promise<ScuAssociation> {
    const socket = connect(options.port, options.host);
    const association = new ScuAssociation(socket, options);
    const contexts = abstractSyntaxes.map((abstractSyntax, index) => ({
      id: 2 * index + 1,
      abstractSyntax,
      transferSyntaxes: [explicitVrLittleEndian],
    }));
    const body = await association.waitFor<Buffer>((resolve, reject) => {
      association.receivePdu = (type, content) =>
        type === pduTypes.associateAccept
          ? resolve(content)
          : reject(new Error(`association not accepted (PDU ${type})`));
      socket.write(encodeAssociateRequest({ ...options, contexts, maxPduLength: 128 * 1024 }));
    });
    for (const { id, result } of decodeAssociateAccept(body).contexts)
      if (result === 0) association.contextIds.set(contexts.find((one) => one.id === id)!.abstractSyntax, id);
    return association;
  }

  async echo(): Promise<number> {
    const [response] = await this.request(sopClasses.verification, { AffectedSOPClassUID: sopClasses.verification, CommandField: commands.cEcho }); // prettier-ignore
    return response!.status;
  }

  /** @returns every response, the final one last */
  async findWorklist(query: DatasetInput): Promise<ScuResponse[]> {
    const sopClass = sopClasses.modalityWorklist;
    return this.request(sopClass, { AffectedSOPClassUID: sopClass, CommandField: commands.cFind, Priority: 0 }, query);
  }

  async createMpps(sopInstanceUid: string | undefined, dataset: DatasetInput): Promise<ScuResponse> {
    const sopClass = sopClasses.modalityPerformedProcedureStep;
    const uid = sopInstanceUid ? { AffectedSOPInstanceUID: sopInstanceUid } : {};
    const command = { AffectedSOPClassUID: sopClass, CommandField: commands.nCreate, ...uid };
    return (await this.request(sopClass, command, dataset))[0]!;
  }

  async setMpps(sopInstanceUid: string, dataset: DatasetInput): Promise<ScuResponse> {
    const sopClass = sopClasses.modalityPerformedProcedureStep;
    const command = {
      RequestedSOPClassUID: sopClass,
      CommandField: commands.nSet,
      RequestedSOPInstanceUID: sopInstanceUid,
    };
    return (await this.request(sopClass, command, dataset))[0]!;
  }

  async release(): Promise<void> {
    await this.waitFor<void>((resolve) => {
      this.receivePdu = () => resolve();
      this.socket.write(encodeReleaseRequest());
    });
    this.fail = () => undefined;
    this.socket.destroy();
  }

  /** Drops the connection. */
  destroy(): void {
    this.fail = () => undefined;
    this.socket.destroy();
  }

  /** Sends one request and collects its responses. @throws Error if the context was not accepted, or nobody answers */
  async request(abstractSyntax: string, command: DatasetInput, data?: DatasetInput): Promise<ScuResponse[]> {
    const contextId = this.contextIds.get(abstractSyntax);
    if (contextId === undefined) throw new Error('the peer did not accept this SOP class');
    const responses: ScuResponse[] = [];
    this.messageId = messageIdAfter(this.messageId);
    const parts = [
      { contextId, isCommand: true, isLast: true, data: encodeCommand({ ...command, MessageID: this.messageId }, data !== undefined) }, // prettier-ignore
      ...(data ? [{ contextId, isCommand: false, isLast: true, data: encodeDataset(Dataset.of(data), explicitVrLittleEndian) }] : []), // prettier-ignore
    ];
    await this.waitFor<void>((resolve) => {
      this.receiveMessage = (message) => {
        const status = message.command.number('Status') ?? -1;
        const dataset = message.data && decodeDataset(message.data, explicitVrLittleEndian);
        responses.push({ status, command: message.command, dataset });
        if ((status & 0xff00) !== 0xff00) resolve();
      };
      for (const part of parts) this.socket.write(encodeData([part]));
    });
    return responses;
  }

  private receive(type: number, body: Buffer): void {
    if (type !== pduTypes.data) return type === pduTypes.abort ? this.fail(new Error('the peer aborted')) : this.receivePdu(type, body); // prettier-ignore
    for (const value of decodeData(body)) {
      const message = this.assembler.push(value);
      if (message) this.receiveMessage(message);
    }
  }

  private async waitFor<T>(start: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        this.fail = reject;
        timer = setTimeout(() => reject(new Error('the peer does not answer')), this.options.timeoutMs ?? 10_000);
        start(resolve, reject);
      });
    } finally {
      clearTimeout(timer);
    }
  }
}
