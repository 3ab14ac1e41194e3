import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { Association, type AssociationLimits, type AssociationOwner } from './association.js';
import { commands, type DimseMessage } from './dimse.js';
import { answerInstanceAvailability, type InstanceAvailabilityProvider } from './instance-availability.js';
import { answerMpps, type MppsProvider } from './mpps-scp.js';
import type { AssociateReject, AssociateRequest } from './pdu.js';
import { answerStorageCommitment, type StorageCommitmentProvider } from './storage-commitment.js';
import { answerStorage, type StorageProvider } from './storage-scp.js';
import { sopClasses } from './uids.js';
import { answerWorklist, type WorklistProvider } from './worklist-scp.js';

/**
 * What can be counted; nothing of it says anything of a patient. The calling AE title is what the peer says of itself,
 * empty before it said anything.
 */
export type DicomEvent = { callingAeTitle: string } & (
  | { kind: 'accepted' | 'rejected' | 'aborted' | 'released' | 'timed-out' | 'refused-connection' }
  | { kind: 'dimse'; operation: string; status: string; ms: number }
);

export interface DicomServerOptions extends Partial<AssociationLimits> {
  host: string;
  port: number;
  /** Called AE titles that are ours. */
  aeTitles: readonly string[];
  /** Whether a calling AE title is known here; without it any is. */
  callers?: (aeTitle: string) => boolean;
  tls?: TlsOptions;
  /** Default 100. */
  maxAssociations?: number;
  /** From one address; default 20. */
  maxAssociationsPerPeer?: number;
  onEvent?: (event: DicomEvent) => void;
}

const operations: Record<number, string> = {
  [commands.cStore]: 'C-STORE',
  [commands.cEcho]: 'C-ECHO',
  [commands.cFind]: 'C-FIND',
  [commands.nCreate]: 'N-CREATE',
  [commands.nSet]: 'N-SET',
  [commands.nAction]: 'N-ACTION',
  [commands.nEventReport]: 'N-EVENT-REPORT',
};

/** PS3.7 annex C: no such operation, no such SOP class, processing failure. */
const UNRECOGNIZED_OPERATION = 0x0211;
const SOP_CLASS_NOT_SUPPORTED = 0x0122;
const PROCESSING_FAILURE = 0x0110;

/**
 * A DICOM SCP for Verification, and for what is provided of worklist, MPPS, instance availability, storage commitment and
 * storage.
 */
export class DicomServer implements AssociationOwner {
  readonly limits: AssociationLimits;
  private readonly server: Server;
  private readonly open = new Map<Association, string>();
  private worklist?: WorklistProvider;
  private mpps?: MppsProvider;
  private availability?: InstanceAvailabilityProvider;
  private commitment?: StorageCommitmentProvider;
  private readonly storage = new Map<string, StorageProvider>();

  constructor(private readonly options: DicomServerOptions) {
    this.limits = {
      maxPduLength: options.maxPduLength ?? 128 * 1024,
      maxDatasetBytes: options.maxDatasetBytes ?? 4 * 1024 * 1024,
      artimMs: options.artimMs ?? 10_000,
      idleMs: options.idleMs ?? 60_000,
    };
    const accept = (socket: Socket): void => this.connect(socket);
    this.server = options.tls
      ? createTlsServer({ handshakeTimeout: this.limits.artimMs, ...options.tls }, accept)
      : createTcpServer(accept);
    this.server.on('tlsClientError', () => options.onEvent?.({ kind: 'refused-connection', callingAeTitle: '' }));
  }

  provideWorklist(provider: WorklistProvider): void {
    this.worklist = provider;
  }

  provideMpps(provider: MppsProvider): void {
    this.mpps = provider;
  }

  provideInstanceAvailability(provider: InstanceAvailabilityProvider): void {
    this.availability = provider;
  }

  provideStorageCommitment(provider: StorageCommitmentProvider): void {
    this.commitment = provider;
  }

  /** Takes objects of these SOP classes, and of no other. */
  provideStorage(storageClasses: readonly string[], provider: StorageProvider): void {
    for (const one of storageClasses) this.storage.set(one, provider);
  }

  /** Begins to listen. @returns the port, which is a free one if 0 was asked for */
  async start(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.port, this.options.host, resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** Stops listening, lets running operations finish, and closes. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    await Promise.all([...this.open.keys()].map((association) => association.drain()));
    await closed;
  }

  judge({ calledAeTitle, callingAeTitle }: AssociateRequest): AssociateReject | undefined {
    if (!this.options.aeTitles.includes(calledAeTitle)) return { result: 1, source: 1, reason: 7 };
    if (this.options.callers && !this.options.callers(callingAeTitle)) return { result: 1, source: 1, reason: 3 };
    // Transient: the peer may come back when there is room.
    if (this.open.size > (this.options.maxAssociations ?? 100)) return { result: 2, source: 3, reason: 2 };
    return undefined;
  }

  offers(abstractSyntax: string): boolean {
    const provided: Record<string, unknown> = {
      [sopClasses.verification]: this,
      [sopClasses.modalityWorklist]: this.worklist,
      [sopClasses.modalityPerformedProcedureStep]: this.mpps,
      [sopClasses.instanceAvailabilityNotification]: this.availability,
      [sopClasses.storageCommitmentPushModel]: this.commitment,
    };
    return provided[abstractSyntax] !== undefined || this.storage.has(abstractSyntax);
  }

  isCancel(message: DimseMessage): boolean {
    return message.command.number('CommandField') === commands.cCancel;
  }

  report(kind: 'accepted' | 'rejected' | 'aborted' | 'released' | 'timed-out', callingAeTitle: string): void {
    this.options.onEvent?.({ kind, callingAeTitle });
  }

  async handle(message: DimseMessage, association: Association): Promise<void> {
    const started = performance.now();
    const field = message.command.number('CommandField') ?? 0;
    let status = PROCESSING_FAILURE;
    try {
      // A response to nothing we asked is a confused peer; there is no answer to an answer.
      if (field & commands.response) return association.abort(2, 2);
      status = await this.answer(field, message, association);
    } catch {
      // Whatever went wrong while answering, the peer is told and the process goes on.
      await this.respond(field, message, association, PROCESSING_FAILURE).catch(() => association.abort());
    }
    const hex = `0x${status.toString(16).padStart(4, '0')}`;
    this.options.onEvent?.({
      kind: 'dimse',
      callingAeTitle: association.callingAeTitle,
      operation: operations[field] ?? 'other',
      status: hex,
      ms: performance.now() - started,
    });
  }

  private async answer(field: number, message: DimseMessage, association: Association): Promise<number> {
    const { abstractSyntax } = association.context(message.contextId);
    const asked = message.command.text('AffectedSOPClassUID') ?? message.command.text('RequestedSOPClassUID');
    if (!operations[field]) return this.respond(field, message, association, UNRECOGNIZED_OPERATION);
    if (asked !== abstractSyntax) return this.respond(field, message, association, SOP_CLASS_NOT_SUPPORTED);
    if (field === commands.cEcho) return this.respond(field, message, association, 0);
    if (field === commands.cFind && abstractSyntax === sopClasses.modalityWorklist && this.worklist)
      return answerWorklist(message, association, this.worklist);
    const isMpps = abstractSyntax === sopClasses.modalityPerformedProcedureStep;
    if (isMpps && this.mpps && (field === commands.nCreate || field === commands.nSet))
      return answerMpps(message, association, this.mpps);
    const isAvailability = abstractSyntax === sopClasses.instanceAvailabilityNotification;
    if (isAvailability && this.availability && field === commands.nCreate)
      return answerInstanceAvailability(message, association, this.availability);
    const isCommitment = abstractSyntax === sopClasses.storageCommitmentPushModel;
    if (isCommitment && this.commitment && (field === commands.nAction || field === commands.nEventReport))
      return answerStorageCommitment(message, association, this.commitment);
    const storage = this.storage.get(abstractSyntax);
    if (storage && field === commands.cStore) return answerStorage(message, association, storage);
    return this.respond(field, message, association, UNRECOGNIZED_OPERATION);
  }

  private async respond(field: number, { contextId, command }: DimseMessage, association: Association, status: number) {
    const sopClass = command.text('AffectedSOPClassUID') ?? command.text('RequestedSOPClassUID');
    await association.send(contextId, {
      ...(sopClass ? { AffectedSOPClassUID: sopClass } : {}),
      CommandField: field | commands.response,
      MessageIDBeingRespondedTo: command.number('MessageID') ?? 0,
      Status: status,
    });
    return status;
  }

  private connect(socket: Socket): void {
    const peer = socket.remoteAddress ?? '';
    const fromPeer = [...this.open.values()].filter((one) => one === peer).length;
    // Far beyond the limit even the courtesy of a rejection costs too much.
    if (
      fromPeer >= (this.options.maxAssociationsPerPeer ?? 20) ||
      this.open.size >= 2 * (this.options.maxAssociations ?? 100)
    ) {
      this.options.onEvent?.({ kind: 'refused-connection', callingAeTitle: '' });
      socket.destroy();
      return;
    }
    const association = new Association(socket, this);
    this.open.set(association, peer);
    socket.on('close', () => this.open.delete(association));
  }
}
