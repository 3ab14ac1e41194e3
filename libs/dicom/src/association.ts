import type { Socket } from 'node:net';
import type { Dataset, DatasetInput } from './dataset.js';
import { encodeDataset } from './dataset-encoder.js';
import { encodeCommand, encodeMessage, type DimseMessage } from './dimse.js';
import { MessageAssembler } from './message-assembler.js';
import {
  applicationContextName,
  decodeAssociateRequest,
  decodeData,
  encodeAbort,
  encodeAssociateAccept,
  encodeAssociateReject,
  encodeReleaseResponse,
  pduTypes,
  ProtocolViolation,
  type AssociateReject,
  type AssociateRequest,
  type ContextResult,
} from './pdu.js';
import { PduStream } from './pdu-stream.js';
import { implicitVrLittleEndian, supportedTransferSyntaxes } from './transfer-syntax.js';
import { sopClasses } from './uids.js';

/** A presentation context both sides agreed on. */
export interface AcceptedContext {
  abstractSyntax: string;
  transferSyntax: string;
}

/** Who asks: what a peer says of itself, and where it is. */
export interface DicomCaller {
  aeTitle: string;
  /** IP address; none if the connection was gone before it was accepted. */
  address?: string;
}

/** Bounds that keep one peer from taking the server down. */
export interface AssociationLimits {
  /** Longest P-DATA-TF taken, announced to the peer, in bytes. */
  maxPduLength: number;
  /** Longest data set taken, in bytes. */
  maxDatasetBytes: number;
  /** ARTIM: how long a connection may stand without an association, and how long it may take to close (PS3.8 9.1.5). */
  artimMs: number;
  /** How long an association may stand idle. */
  idleMs: number;
}

/** What an association asks of its server. */
export interface AssociationOwner {
  readonly limits: AssociationLimits;
  /** Undefined to accept, else how to reject. */
  judge(request: AssociateRequest): AssociateReject | undefined;
  offers(abstractSyntax: string): boolean;
  /** Answers one message; it must not throw. */
  handle(message: DimseMessage, association: Association): Promise<void>;
  /** A C-CANCEL for a running operation, which is not queued behind it. */
  isCancel(message: DimseMessage): boolean;
  report(outcome: 'accepted' | 'rejected' | 'aborted' | 'released' | 'timed-out', callingAeTitle: string): void;
}

/** How many requests of one association may wait; more is an attack, since one at a time was negotiated. */
const MAX_WAITING = 16;

/** The accepting side of one association (PS3.8 section 9.2): nothing is answered outside an accepted context. */
export class Association {
  private state: 'awaiting' | 'established' | 'closed' = 'awaiting';
  private readonly stream: PduStream;
  private readonly assembler: MessageAssembler;
  private readonly contexts = new Map<number, AcceptedContext>();
  private readonly waiting: DimseMessage[] = [];
  private readonly cancelled = new Set<number>();
  private working?: Promise<void>;
  /** Message id of the request being answered. */
  private answering?: number;
  private releasing = false;
  private gathering = false;
  private timer?: NodeJS.Timeout;
  private peerMaxPdu = 0;
  private readonly address?: string;
  callingAeTitle = '';

  constructor(
    private readonly socket: Socket,
    private readonly owner: AssociationOwner,
  ) {
    this.address = socket.remoteAddress;
    this.stream = new PduStream(owner.limits.maxPduLength);
    this.assembler = new MessageAssembler(owner.limits.maxDatasetBytes);
    // Without this every answer waits up to 40 ms for Nagle's algorithm.
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.ended());
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    this.expireAfter(owner.limits.artimMs);
  }

  /** The agreed context with this id. @throws ProtocolViolation if there is none */
  context(id: number): AcceptedContext {
    const context = this.contexts.get(id);
    if (!context) throw new ProtocolViolation(2, 'a message came in a presentation context that was not accepted');
    return context;
  }

  /** Whether the peer cancelled the request with this message id. */
  isCancelled(messageId: number): boolean {
    return this.cancelled.has(messageId);
  }

  /** Who is at the other end. */
  get caller(): DicomCaller {
    return { aeTitle: this.callingAeTitle, address: this.address };
  }

  /** Whether there is still somebody to answer. */
  get isOpen(): boolean {
    return this.state === 'established' && this.socket.writable;
  }

  /**
   * Sends one message in fragments no longer than the peer takes. Nothing is sent if it cannot be encoded.
   *
   * @throws Failure field-invalid for a data set that cannot be written
   */
  async send(contextId: number, command: DatasetInput, dataset?: Dataset, characterSets: string[] = []): Promise<void> {
    if (!this.isOpen) return;
    const { transferSyntax } = this.context(contextId);
    const data = dataset && encodeDataset(dataset, transferSyntax, { preferredCharacterSets: characterSets });
    const bytes = encodeMessage(contextId, encodeCommand(command, data !== undefined), data, this.peerMaxPdu);
    this.gather();
    const flushed = this.socket.write(bytes);
    if (!flushed) await this.drained();
  }

  /** Lets what is sent at once leave together: a write for each of fifty matches cost more than to find them. */
  private gather(): void {
    if (this.gathering) return;
    this.gathering = true;
    this.socket.cork();
    process.nextTick(() => {
      this.gathering = false;
      this.socket.uncork();
    });
  }

  /** Ends the association at once. @param source 0 the application, 2 the protocol machine */
  abort(source: 0 | 2 = 0, reason = 0): void {
    if (this.state === 'closed') return;
    this.owner.report('aborted', this.callingAeTitle);
    this.close(encodeAbort(source, reason));
  }

  /** Lets what is being answered finish, then closes. */
  async drain(): Promise<void> {
    await this.working;
    this.abort();
  }

  private receive(chunk: Buffer): void {
    if (this.state === 'closed') return;
    let hasPdu = false;
    try {
      for (const { type, body } of this.stream.push(chunk)) {
        hasPdu = true;
        this.accept(type, body);
        if (this.isClosed()) return;
      }
    } catch (error) {
      // What cannot be decoded inside a PDU is a violation like any other; nothing a peer sends may throw further.
      this.abort(2, error instanceof ProtocolViolation ? error.reason : 6);
      return;
    }
    // Only a whole PDU is a sign of life: else one that never ends would hold the association for ever.
    if (hasPdu) this.rest();
  }

  private isClosed(): boolean {
    return this.state === 'closed';
  }

  private accept(type: number, body: Buffer): void {
    if (type === pduTypes.abort) return this.close();
    if (this.state === 'awaiting') {
      if (type !== pduTypes.associateRequest) throw new ProtocolViolation(2, 'an association must be asked for first');
      return this.associate(decodeAssociateRequest(body));
    }
    if (type === pduTypes.releaseRequest && !this.releasing) return this.release();
    if (type !== pduTypes.data || this.releasing)
      throw new ProtocolViolation(2, 'this PDU has no place in an established association');
    for (const value of decodeData(body)) {
      this.context(value.contextId);
      const message = this.assembler.push(value);
      if (message) this.queue(message);
    }
  }

  /** What was asked before is answered before (PS3.8 section 7.2.2). */
  private release(): void {
    this.releasing = true;
    const confirm = () => {
      if (this.isClosed()) return;
      this.owner.report('released', this.callingAeTitle);
      this.close(encodeReleaseResponse());
    };
    if (this.working) void this.working.then(confirm);
    else confirm();
  }

  private associate(request: AssociateRequest): void {
    this.callingAeTitle = request.callingAeTitle;
    const reject =
      (request.protocolVersion & 1) === 0
        ? { result: 1, source: 2, reason: 2 }
        : request.applicationContext !== applicationContextName
          ? { result: 1, source: 1, reason: 2 }
          : this.owner.judge(request);
    if (reject) {
      this.owner.report('rejected', this.callingAeTitle);
      return this.close(encodeAssociateReject(reject));
    }
    // Less would leave no room for even one byte of a fragment.
    if (request.maxPduLength !== 0 && request.maxPduLength < 16)
      throw new ProtocolViolation(6, 'the peer takes no PDU long enough for an answer');
    this.peerMaxPdu = request.maxPduLength;
    const results = request.contexts.map((context): ContextResult => {
      const transferSyntax = supportedTransferSyntaxes.find((one) => context.transferSyntaxes.includes(one));
      if (!this.owner.offers(context.abstractSyntax))
        return { id: context.id, result: 3, transferSyntax: implicitVrLittleEndian };
      if (!transferSyntax) return { id: context.id, result: 4, transferSyntax: implicitVrLittleEndian };
      this.contexts.set(context.id, { abstractSyntax: context.abstractSyntax, transferSyntax });
      return { id: context.id, result: 0, transferSyntax };
    });
    this.state = 'established';
    this.owner.report('accepted', this.callingAeTitle);
    // Who answers a request for storage commitment comes as its provider; in all else we are the provider.
    const roles = request.roles?.filter(
      ({ abstractSyntax }) =>
        abstractSyntax === sopClasses.storageCommitmentPushModel && this.owner.offers(abstractSyntax),
    );
    this.socket.write(
      encodeAssociateAccept({ ...request, contexts: results, maxPduLength: this.owner.limits.maxPduLength, roles }),
    );
  }

  private queue(message: DimseMessage): void {
    if (this.owner.isCancel(message)) {
      // One that comes too late is not kept: it would cancel a later request with the same id.
      const id = message.command.number('MessageIDBeingRespondedTo');
      const isAsked = [this.answering, ...this.waiting.map(messageId)].includes(id);
      if (id !== undefined && isAsked) this.cancelled.add(id);
      return;
    }
    if (this.waiting.push(message) > MAX_WAITING) throw new ProtocolViolation(2, 'too many requests at once');
    this.working ??= this.work().finally(() => {
      this.working = undefined;
      this.rest();
    });
  }

  private async work(): Promise<void> {
    clearTimeout(this.timer);
    for (let message = this.waiting.shift(); message && this.isOpen; message = this.waiting.shift()) {
      this.answering = messageId(message);
      await this.owner.handle(message, this);
      this.cancelled.delete(this.answering ?? -1);
      this.answering = undefined;
    }
  }

  /** While nothing is being answered the peer is expected to say something within the idle time. */
  private rest(): void {
    if (this.state === 'established' && !this.working) this.expireAfter(this.owner.limits.idleMs);
  }

  private expireAfter(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.owner.report('timed-out', this.callingAeTitle);
      this.close(this.state === 'established' ? encodeAbort(2, 0) : undefined);
    }, ms);
  }

  private close(last?: Buffer): void {
    this.state = 'closed';
    clearTimeout(this.timer);
    if (last && this.socket.writable) this.socket.end(last);
    else this.socket.destroy();
    // The peer closes the connection, or else we do.
    this.timer = setTimeout(() => this.socket.destroy(), Math.min(this.owner.limits.artimMs, 2000));
  }

  private ended(): void {
    this.state = 'closed';
    clearTimeout(this.timer);
  }

  /** Waits until the peer has read, or did not within the idle time. */
  private async drained(): Promise<void> {
    this.expireAfter(this.owner.limits.idleMs);
    await new Promise<void>((resolve) => {
      const done = () => {
        this.socket.off('drain', done).off('close', done);
        resolve();
      };
      this.socket.on('drain', done).on('close', done);
    });
    if (this.isOpen) clearTimeout(this.timer);
  }
}

function messageId({ command }: DimseMessage): number | undefined {
  return command.number('MessageID');
}
