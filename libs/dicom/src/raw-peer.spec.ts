import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Dataset, type DatasetInput } from './dataset.js';
import { encodeDataset } from './dataset-encoder.js';
import { DicomServer, type DicomEvent, type DicomServerOptions } from './dicom-server.js';
import { decodeCommand, encodeCommand } from './dimse.js';
import type { MppsProvider } from './mpps-scp.js';
import { decodeData, encodeAssociateRequest, encodeData, pduTypes, type DataValue } from './pdu.js';
import { PduStream, type Pdu } from './pdu-stream.js';
import { implicitVrLittleEndian } from './transfer-syntax.js';
import { sopClasses } from './uids.js';
import type { WorklistProvider } from './worklist-scp.js';

/** CT Image Storage, which nobody serves here. */
export const ctImageStorage = '1.2.840.10008.5.1.4.1.1.2';

/** The context ids that {@link associateRequest} proposes, all in Implicit VR. */
export const contexts = { verification: 1, worklist: 3, mpps: 5, storage: 7 } as const;

/** A started server and what it reported. */
export interface StartedServer {
  port: number;
  events: DicomEvent[];
  /** Waits until an event of this kind was reported. */
  reported(kind: DicomEvent['kind']): Promise<void>;
  stop(): Promise<void>;
}

/** A server on a free port of 127.0.0.1; what a provider lacks is refused as nothing of the test's making. */
export async function startServer(
  providers: { find?: WorklistProvider['find'] } & Partial<MppsProvider> = {},
  options: Partial<DicomServerOptions> = {},
): Promise<StartedServer> {
  const events: DicomEvent[] = [];
  const news = new EventEmitter();
  const server = new DicomServer({
    host: '127.0.0.1',
    port: 0,
    aeTitles: ['COLLIMATOR'],
    onEvent: (event) => {
      events.push(event);
      news.emit('event');
    },
    ...options,
  });
  const unexpected = () => Promise.reject(new Error('this provider is not part of the test'));
  server.provideWorklist({ find: providers.find ?? (async () => []) });
  server.provideMpps({ create: providers.create ?? unexpected, set: providers.set ?? unexpected });
  const reported = async (kind: DicomEvent['kind']) => {
    while (!events.some((event) => event.kind === kind)) await once(news, 'event');
  };
  return { port: await server.start(), events, reported, stop: () => server.stop() };
}

/** A worklist item as scheduling makes them, with what the test changes. */
export function worklistItem(changes: DatasetInput = {}, step: DatasetInput = {}): Dataset {
  return Dataset.of({
    AccessionNumber: 'SGH00000001',
    PatientName: 'Beispiel^Berta',
    PatientID: '700001',
    StudyInstanceUID: '2.25.1',
    RequestedProcedureID: 'RP1',
    ...changes,
    ScheduledProcedureStepSequence: [
      {
        Modality: 'CT',
        ScheduledStationAETitle: 'CT01',
        ScheduledProcedureStepStartDate: '20240305',
        ScheduledProcedureStepStartTime: '093000',
        ScheduledProcedureStepID: 'STEP1',
        ...step,
      },
    ],
  });
}

/** An A-ASSOCIATE-RQ that proposes {@link contexts}. */
export function associateRequest(changes: { calledAeTitle?: string; maxPduLength?: number } = {}): Buffer {
  const { verification, modalityWorklist, modalityPerformedProcedureStep } = sopClasses;
  return encodeAssociateRequest({
    callingAeTitle: 'CT01',
    calledAeTitle: 'COLLIMATOR',
    maxPduLength: 16_384,
    contexts: [verification, modalityWorklist, modalityPerformedProcedureStep, ctImageStorage].map(
      (abstractSyntax, index) => ({
        id: 2 * index + 1,
        abstractSyntax,
        transferSyntaxes: [implicitVrLittleEndian],
      }),
    ),
    ...changes,
  });
}

/** The bytes of one command and its data set, which may be bytes already. */
export function messageBytes(contextId: number, command: DatasetInput, data?: DatasetInput | Buffer): Buffer {
  const isLast = true;
  const parts = [
    encodeData([{ contextId, isCommand: true, isLast, data: encodeCommand(command, data !== undefined) }]),
  ];
  const bytes = data && !Buffer.isBuffer(data) ? encodeDataset(Dataset.of(data), implicitVrLittleEndian) : data;
  if (bytes) parts.push(encodeData([{ contextId, isCommand: false, isLast, data: bytes }]));
  return Buffer.concat(parts);
}

/** A peer that sends any bytes it likes and keeps what comes back. */
export class RawPeer {
  readonly pdus: Pdu[] = [];
  readonly values: DataValue[] = [];
  /** Commands that came whole in one fragment. */
  readonly commands: Dataset[] = [];
  readonly socket: Socket;
  isClosed = false;
  private isWhole = true;
  private readonly stream = new PduStream(16 * 1024 * 1024);
  private readonly news = new EventEmitter();

  /** A peer that keeps its side open is closed only by {@link Socket.destroy}. */
  constructor(port: number, { allowHalfOpen = false } = {}) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen });
    this.socket.on('data', (chunk: Buffer) => {
      for (const pdu of this.stream.push(chunk)) this.keep(pdu);
      this.news.emit('news');
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.isClosed = true;
      this.news.emit('news');
    });
  }

  /** A peer that has its answer to an association request, be it yes or no. */
  static async associated(
    port: number,
    { allowHalfOpen, ...changes }: { calledAeTitle?: string; maxPduLength?: number; allowHalfOpen?: boolean } = {},
  ) {
    const peer = new RawPeer(port, { allowHalfOpen });
    peer.socket.write(associateRequest(changes));
    await peer.until(() => peer.pdus.length > 0 || peer.isClosed);
    return peer;
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** Waits for a condition on what came back. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await once(this.news, 'news');
  }

  closed(): Promise<void> {
    return this.until(() => this.isClosed);
  }

  /** Waits for so many commands, or the end. */
  answers(count: number): Promise<void> {
    return this.until(() => this.commands.length >= count || this.isClosed);
  }

  /** Types of the PDUs that came. */
  get types(): number[] {
    return this.pdus.map(({ type }) => type);
  }

  get statuses(): (number | undefined)[] {
    return this.commands.map((command) => command.number('Status'));
  }

  private keep(pdu: Pdu): void {
    this.pdus.push(pdu);
    if (pdu.type !== pduTypes.data) return;
    for (const value of decodeData(pdu.body)) {
      this.values.push(value);
      if (value.isCommand && value.isLast && this.isWhole) this.commands.push(decodeCommand(value.data));
      this.isWhole = value.isLast;
    }
  }
}
