import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Bundle } from 'fhir/r4.js';
import { FhirMemory } from './fhir-memory.js';
import { acknowledgementOf, fieldOf } from './hl7.js';
import { Journal } from './journal.js';
import { MllpReceiver, sendMllp } from './mllp.js';

/**
 * What the EMR does instead of its work: answers a status, never answers, or closes the connection; `mute` does its work
 * and does not answer. `times` ends it after so many requests; without, it lasts until changed. `about` limits it to
 * requests whose body holds that text.
 */
export type Fault = ({ kind: 'status'; status: number } | { kind: 'never' | 'close' | 'mute' }) & {
  times?: number;
  about?: string;
};

/** An acknowledgement code, no answer, or what to answer this message with (undefined: nothing). */
export type Acknowledges = 'AA' | 'AE' | 'AR' | 'never' | ((message: string) => string | undefined);

/** One FHIR request that the EMR got. */
export interface FhirRequest {
  method: string;
  path: string;
  body: unknown;
  /** What it answered; undefined where it never did. */
  status?: number;
}

/**
 * The electronic medical record of the sandbox hospital: sends orders by MLLP, takes results by FHIR R4 and by MLLP.
 */
export class SandboxEmr {
  readonly store = new FhirMemory();
  /** Every FHIR request that came in, in order. */
  readonly fhirRequests: FhirRequest[] = [];
  /** Every HL7 message that came in, in order. */
  readonly messages: string[] = [];
  /** Set it to make the FHIR endpoint misbehave. */
  fhirFault?: Fault;
  /** What it answers HL7 messages with. */
  acknowledges: Acknowledges = 'AA';

  private http?: Server;
  private fhirPort = 0;
  private readonly mllp = new MllpReceiver((message) => this.takeMessage(message));

  constructor(readonly journal = new Journal()) {}

  get fhirUrl(): string {
    return `http://127.0.0.1:${this.fhirPort}/fhir`;
  }
  get mllpPort(): number {
    return this.mllp.port;
  }

  async start({ fhirPort = 0, mllpPort = 0 } = {}): Promise<this> {
    await this.mllp.start(mllpPort);
    await this.startFhir(fhirPort);
    return this;
  }

  /** Starts the FHIR endpoint, on the port it had before if it had one. */
  async startFhir(port = 0): Promise<void> {
    const server = createServer((request, response) => void this.takeFhir(request, response));
    this.http = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port || this.fhirPort, '127.0.0.1', resolve);
    });
    this.fhirPort = (server.address() as AddressInfo).port;
  }

  /** The FHIR endpoint refuses connections from now on. */
  async stopFhir(): Promise<void> {
    const server = this.http;
    this.http = undefined;
    server?.closeAllConnections();
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  /** The MLLP listener comes back on its port. */
  startMllp(): Promise<void> {
    return this.mllp.start();
  }

  /** The MLLP listener refuses connections from now on. */
  stopMllp(): Promise<void> {
    return this.mllp.stop();
  }

  async stop(): Promise<void> {
    await Promise.all([this.stopFhir(), this.stopMllp()]);
  }

  /** Sends a message to an MLLP listener and gives the acknowledgement. */
  async send(to: { host?: string; port: number }, message: string): Promise<string> {
    const what = `${fieldOf(message, 'MSH', 9)} ${fieldOf(message, 'ORC', 1)}`.trim();
    this.journal.write('EMR', `sends ${what}, control id ${fieldOf(message, 'MSH', 10)}`, message);
    const answer = await sendMllp(to, message);
    const [code, error] = [fieldOf(answer, 'MSA', 1), fieldOf(answer, 'ERR', 8)];
    this.journal.write(
      'EMR',
      `gets ${code} for control id ${fieldOf(answer, 'MSA', 2)}${error && `: ${error}`}`,
      answer,
    );
    return answer;
  }

  private takeMessage(message: string): string | undefined {
    this.messages.push(message);
    const what = `${fieldOf(message, 'MSH', 9)} for ${fieldOf(message, 'OBR', 2)}`;
    const answer = this.answerTo(message);
    const code = answer === undefined ? 'never' : fieldOf(answer, 'MSA', 1);
    this.journal.write('EMR', `takes ${what} by MLLP, answers ${code}`, message);
    return answer;
  }

  private answerTo(message: string): string | undefined {
    if (typeof this.acknowledges === 'function') return this.acknowledges(message);
    return this.acknowledges === 'never' ? undefined : acknowledgementOf(message, this.acknowledges, new Date());
  }

  private async takeFhir(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request.on('error', () => {})) chunks.push(chunk as Buffer);
    const method = request.method ?? 'GET';
    const path = decodeURI((request.url ?? '').replace(/^\/fhir\/?/, '').replace(/^\?.*$/, ''));
    const record: FhirRequest = { method, path, body: parsed(Buffer.concat(chunks).toString('utf8')) };
    this.fhirRequests.push(record);
    const fault = this.nextFault(record.body);
    if (fault && fault.kind !== 'status') {
      if (fault.kind === 'mute') this.store.handle(method, path, record.body);
      this.journal.write('EMR', `${method} ${describe(record)}: does not answer`, record.body);
      if (fault.kind === 'close') request.socket.destroy();
      return;
    }
    const { status, body } =
      fault?.kind === 'status'
        ? {
            status: fault.status,
            // As many a server does, it quotes what it does not like.
            body: {
              resourceType: 'OperationOutcome',
              issue: [{ severity: 'error', code: 'processing', diagnostics: JSON.stringify(record.body) }],
            },
          }
        : this.store.handle(method, path, record.body, request.headers['if-none-exist'] as string | undefined);
    record.status = status;
    if (method !== 'GET')
      this.journal.write('EMR', `takes ${method} ${describe(record)} by FHIR, answers ${status}`, record.body);
    response.writeHead(status, { 'content-type': 'application/fhir+json' }).end(JSON.stringify(body));
  }

  private nextFault(body: unknown): Fault | undefined {
    const fault = this.fhirFault;
    if (fault?.about !== undefined && !JSON.stringify(body).includes(fault.about)) return undefined;
    if (fault?.times !== undefined && --fault.times <= 0) this.fhirFault = undefined;
    return fault;
  }
}

/** Starts an EMR on free ports, unless given. */
export function startSandboxEmr(
  options: { fhirPort?: number; mllpPort?: number; journal?: Journal } = {},
): Promise<SandboxEmr> {
  return new SandboxEmr(options.journal).start(options);
}

function describe({ path, body }: FhirRequest): string {
  if (path !== '') return path.split('?')[0]!;
  const entries = (body as Bundle | undefined)?.entry ?? [];
  const held = entries.map(({ resource }) => {
    const status = (resource as { status?: string } | undefined)?.status;
    return `${resource?.resourceType}${status ? ` ${status}` : ''}`;
  });
  return `transaction (${held.join(', ')})`;
}

/** A resource, or the parameters of a search by POST. */
function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return Object.fromEntries(new URLSearchParams(text));
  }
}
