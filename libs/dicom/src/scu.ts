import { connect, type Socket } from 'node:net';
import { connect as connectByTls, type ConnectionOptions } from 'node:tls';
import { asFailure, fail } from '#platform';
import { Dataset, type DatasetInput } from './dataset.js';
import { decodeDataset } from './dataset-decoder.js';
import { encodeDataset } from './dataset-encoder.js';
import { commands, encodeCommand, encodeMessage, messageIdAfter, type DimseMessage } from './dimse.js';
import { MessageAssembler } from './message-assembler.js';
import { decodeAssociateAccept, decodeData, encodeAssociateRequest, encodeReleaseRequest, pduTypes } from './pdu.js';
import { PduStream } from './pdu-stream.js';
import { explicitVrLittleEndian, supportedTransferSyntaxes } from './transfer-syntax.js';
import {
  storageCommitmentRequestOf,
  storageCommitmentResultOf,
  type StorageCommitmentRequest,
  type StorageCommitmentResult,
} from './storage-commitment.js';
import { sopClasses, storageCommitmentInstance } from './uids.js';

export interface ScuOptions {
  host: string;
  port: number;
  callingAeTitle: string;
  calledAeTitle: string;
  /** Longest silence of the peer while it owes an answer; default 10 s. */
  timeoutMs?: number;
  /** TLS (PS3.15 annex B) where it is given: the authority that signed the peer, and our own certificate and key. */
  tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key'>;
  /** SOP classes whose provider we are though we open the association (PS3.7 section D.3.3.4). */
  providing?: string[];
}

/** One response of the peer. */
export interface ScuResponse {
  status: number;
  command: Dataset;
  dataset?: Dataset;
}

/** The requesting side of an association: one request at a time, in Explicit VR Little Endian where the peer takes it. */
export class ScuAssociation {
  private readonly stream = new PduStream(1024 * 1024);
  private readonly assembler = new MessageAssembler(16 * 1024 * 1024);
  private readonly contexts = new Map<string, { id: number; transferSyntax: string }>();
  private receiveMessage: (message: DimseMessage) => void = () => undefined;
  private receivePdu: (type: number, body: Buffer) => void = () => undefined;
  private timer?: NodeJS.Timeout;
  private reject: (error: Error) => void = () => undefined;
  /** Why nothing can be asked any more. */
  private ended?: Error;
  private messageId = 0;
  private peerMaxPdu = 0;

  private constructor(
    private readonly socket: Socket,
    private readonly options: ScuOptions,
  ) {
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const { type, body } of this.stream.push(chunk)) this.receive(type, body);
      } catch (cause) {
        // What the peer sends must not end the process.
        this.end(fail('peer-answer-malformed', 'the peer answers something that is not DICOM', { cause }));
        socket.destroy();
      }
    });
    socket.on('error', (cause) => this.end(fail('peer-unavailable', 'the peer cannot be reached', { cause })));
    socket.on('close', () => this.end(fail('peer-unavailable', 'the peer closed the connection')));
  }

  /** False once the peer, or we, ended the association: what is asked then fails at once. */
  get isOpen(): boolean {
    return this.ended === undefined;
  }

  /**
   * Asks for an association for these SOP classes.
   *
   * @throws Failure peer-unavailable, peer-timeout; peer-denied if the peer rejects it
   */
  static async open(options: ScuOptions, abstractSyntaxes: string[]): Promise<ScuAssociation> {
    const { host, port, tls } = options;
    const socket = tls ? connectByTls({ ...tls, host, port, minVersion: 'TLSv1.2' }) : connect(port, host);
    const association = new ScuAssociation(socket, options);
    const contexts = abstractSyntaxes.map((abstractSyntax, index) => ({
      id: 2 * index + 1,
      abstractSyntax,
      // The default one is always among what is offered (PS3.5 section 10.1).
      transferSyntaxes: [...supportedTransferSyntaxes],
    }));
    const roles = options.providing?.map((abstractSyntax) => ({ abstractSyntax, isUser: false, isProvider: true }));
    const accepted = await association
      .waitFor<Buffer>((resolve, reject) => {
        association.receivePdu = (type, content) =>
          type === pduTypes.associateAccept
            ? resolve(content)
            : reject(fail('peer-denied', `association not accepted (PDU ${type})`));
        socket.write(encodeAssociateRequest({ ...options, contexts, maxPduLength: 128 * 1024, roles }));
      })
      .then(decodeAssociateAccept)
      .catch((error: unknown) => {
        association.destroy();
        throw asFailure(error);
      });
    association.peerMaxPdu = accepted.maxPduLength;
    for (const { id, result, transferSyntax } of accepted.contexts) {
      const proposed = contexts.find((one) => one.id === id);
      if (result === 0 && proposed) association.contexts.set(proposed.abstractSyntax, { id, transferSyntax });
    }
    return association;
  }

  async echo(): Promise<number> {
    const [response] = await this.request(sopClasses.verification, {
      AffectedSOPClassUID: sopClasses.verification,
      CommandField: commands.cEcho,
    });
    return response!.status;
  }

  /** @returns every response, the final one last */
  async findWorklist(query: DatasetInput): Promise<ScuResponse[]> {
    const sopClass = sopClasses.modalityWorklist;
    return this.request(sopClass, { AffectedSOPClassUID: sopClass, CommandField: commands.cFind, Priority: 0 }, query);
  }

  /** C-FIND in the Study Root information model (PS3.4 section C.6.2). @returns every response, the final one last */
  async findInStudyRoot(query: DatasetInput): Promise<ScuResponse[]> {
    const sopClass = sopClasses.studyRootFind;
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

  /** N-CREATE of an Instance Availability Notification. */
  async notifyAvailability(sopInstanceUid: string, dataset: DatasetInput): Promise<ScuResponse> {
    const sopClass = sopClasses.instanceAvailabilityNotification;
    const command = {
      AffectedSOPClassUID: sopClass,
      CommandField: commands.nCreate,
      AffectedSOPInstanceUID: sopInstanceUid,
    };
    return (await this.request(sopClass, command, dataset))[0]!;
  }

  /** N-ACTION: asks whether instances are safely stored. The answer comes on an association that the peer opens. */
  async requestStorageCommitment(request: StorageCommitmentRequest): Promise<ScuResponse> {
    const sopClass = sopClasses.storageCommitmentPushModel;
    const command = {
      RequestedSOPClassUID: sopClass,
      CommandField: commands.nAction,
      RequestedSOPInstanceUID: storageCommitmentInstance,
      ActionTypeID: 1,
    };
    return (await this.request(sopClass, command, storageCommitmentRequestOf(request)))[0]!;
  }

  /** N-EVENT-REPORT: answers whether instances are safely stored. */
  async reportStorageCommitment(result: StorageCommitmentResult): Promise<ScuResponse> {
    const sopClass = sopClasses.storageCommitmentPushModel;
    const { type, dataset } = storageCommitmentResultOf(result);
    const command = {
      AffectedSOPClassUID: sopClass,
      CommandField: commands.nEventReport,
      AffectedSOPInstanceUID: storageCommitmentInstance,
      EventTypeID: type,
    };
    return (await this.request(sopClass, command, dataset))[0]!;
  }

  /**
   * C-STORE of one object.
   *
   * @param object its data set; bytes are sent as they are, which must be Explicit VR Little Endian to be right
   */
  async store(sopClass: string, sopInstanceUid: string, object: DatasetInput | Dataset | Buffer): Promise<ScuResponse> {
    const command = {
      AffectedSOPClassUID: sopClass,
      CommandField: commands.cStore,
      Priority: 0,
      AffectedSOPInstanceUID: sopInstanceUid,
    };
    return (await this.request(sopClass, command, object))[0]!;
  }

  async release(): Promise<void> {
    await this.waitFor<void>((resolve) => {
      this.receivePdu = () => resolve();
      this.socket.write(encodeReleaseRequest());
    });
    this.destroy();
  }

  /** Drops the connection. */
  destroy(): void {
    this.end(fail('peer-unavailable', 'the association was ended'));
    this.socket.destroy();
  }

  /**
   * Sends one request and collects its responses.
   *
   * @throws Failure peer-refused if the context was not accepted; peer-timeout, peer-unavailable
   */
  async request(
    abstractSyntax: string,
    command: DatasetInput,
    data?: DatasetInput | Dataset | Buffer,
  ): Promise<ScuResponse[]> {
    const context = this.contexts.get(abstractSyntax);
    if (!context) throw fail('peer-refused', 'the peer did not accept this SOP class');
    const { id: contextId, transferSyntax } = context;
    const responses: ScuResponse[] = [];
    this.messageId = messageIdAfter(this.messageId);
    const bytes = encodeMessage(
      contextId,
      encodeCommand({ ...command, MessageID: this.messageId }, data !== undefined),
      data && encoded(data, transferSyntax),
      this.peerMaxPdu,
    );
    await this.waitFor<void>((resolve) => {
      this.receiveMessage = (message) => {
        // A request of the peer's own is nothing we take here; it comes again on an association of the peer's.
        if (!((message.command.number('CommandField') ?? 0) & commands.response)) return;
        const status = message.command.number('Status') ?? -1;
        const dataset = message.data && decodeDataset(message.data, transferSyntax);
        this.timer?.refresh();
        responses.push({ status, command: message.command, dataset });
        if ((status & 0xff00) !== 0xff00) resolve();
      };
      this.socket.write(bytes);
    });
    return responses;
  }

  private receive(type: number, body: Buffer): void {
    if (type !== pduTypes.data)
      return type === pduTypes.abort ? this.end(fail('peer-error', 'the peer aborted')) : this.receivePdu(type, body);
    for (const value of decodeData(body)) {
      const message = this.assembler.push(value);
      if (message) this.receiveMessage(message);
    }
  }

  /** Whoever waits is told, and whoever asks later; the first reason is the one that counts. */
  private end(error: Error): void {
    this.ended ??= error;
    this.reject(this.ended);
  }

  private async waitFor<T>(start: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    // A connection that was closed between two requests would else be waited on for the whole time.
    if (this.ended) throw this.ended;
    try {
      return await new Promise<T>((resolve, reject) => {
        this.reject = reject;
        this.timer = setTimeout(
          () => reject(fail('peer-timeout', 'the peer does not answer')),
          this.options.timeoutMs ?? 10_000,
        );
        start(resolve, reject);
      });
    } finally {
      clearTimeout(this.timer);
    }
  }
}

function encoded(data: DatasetInput | Dataset | Buffer, transferSyntax: string): Buffer {
  if (!Buffer.isBuffer(data)) return encodeDataset(data instanceof Dataset ? data : Dataset.of(data), transferSyntax);
  if (transferSyntax === explicitVrLittleEndian) return data;
  throw fail('peer-refused', 'the peer takes no Explicit VR Little Endian, in which these bytes are');
}
