import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { frame, FrameReader, FrameTooLarge } from './mllp-framing.js';

/** What can be counted about connections; none of it says anything of a message. */
export type MllpServerEvent =
  | 'connected'
  | 'closed'
  | 'refused-connection'
  | 'junk-skipped'
  | 'frame-too-large'
  | 'frame-unfinished'
  | 'handler-failed';

export interface MllpServerOptions {
  host: string;
  port: number;
  tls?: TlsOptions;
  /** Default 8 MiB. */
  maxFrameBytes?: number;
  /** Default 200. */
  maxConnections?: number;
  /** How long a frame may stand begun and unfinished; default 30 s. */
  unfinishedFrameMs?: number;
  onEvent?: (event: MllpServerEvent) => void;
}

/** Answers one message; an empty answer is none, and undefined closes the connection without one. */
export type AnswerMessage = (message: Buffer) => Promise<Buffer | undefined>;

/** How many whole frames of one connection may wait for their answers before its socket is no longer read. */
const MAX_WAITING = 64;

/**
 * Listens for HL7 v2 over MLLP. Messages of one connection are handled and answered one after the other, in order;
 * connections run side by side. A sender that does not wait for answers is slowed down by TCP.
 */
export class MllpServer {
  private readonly server: Server;
  private readonly connections = new Set<Connection>();

  constructor(
    private readonly options: MllpServerOptions,
    answer: AnswerMessage,
  ) {
    const accept = (socket: Socket): void => {
      if (this.connections.size >= (options.maxConnections ?? 200)) {
        options.onEvent?.('refused-connection');
        socket.destroy();
        return;
      }
      const connection = new Connection(socket, options, answer);
      this.connections.add(connection);
      options.onEvent?.('connected');
      socket.on('close', () => {
        this.connections.delete(connection);
        options.onEvent?.('closed');
      });
    };
    this.server = options.tls ? createTlsServer(options.tls, accept) : createTcpServer(accept);
    // A client that fails its TLS handshake is its own affair.
    this.server.on('tlsClientError', () => options.onEvent?.('refused-connection'));
  }

  /** Begins to listen. @returns the port, which is a free one if 0 was asked for */
  async start(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.port, this.options.host, resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** Stops listening, answers what was received whole, and closes. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    await Promise.all([...this.connections].map((connection) => connection.drain()));
    await closed;
  }
}

class Connection {
  private readonly reader: FrameReader;
  private readonly waiting: Buffer[] = [];
  private answering?: Promise<void>;
  private junk = 0;
  private unfinished?: NodeJS.Timeout;
  private draining = false;

  constructor(
    private readonly socket: Socket,
    private readonly options: MllpServerOptions,
    private readonly answer: AnswerMessage,
  ) {
    this.reader = new FrameReader(options.maxFrameBytes ?? 8 * 1024 * 1024);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on('data', (bytes: Buffer) => this.receive(bytes));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => clearTimeout(this.unfinished));
  }

  async drain(): Promise<void> {
    this.draining = true;
    this.socket.pause();
    clearTimeout(this.unfinished);
    await this.answering;
    this.socket.end();
    this.socket.destroySoon();
  }

  private receive(bytes: Buffer): void {
    try {
      this.waiting.push(...this.reader.push(bytes));
    } catch (error) {
      if (!(error instanceof FrameTooLarge)) throw error;
      this.options.onEvent?.('frame-too-large');
      this.socket.destroy();
      return;
    }
    if (this.reader.junkBytes > this.junk) {
      this.junk = this.reader.junkBytes;
      this.options.onEvent?.('junk-skipped');
    }
    if (this.waiting.length > MAX_WAITING) this.socket.pause();
    this.expectEnd();
    this.answering ??= this.answerWaiting().finally(() => (this.answering = undefined));
  }

  /** Gives a frame that has begun its time to end; while we do not read, it is not the sender who is late. */
  private expectEnd(): void {
    clearTimeout(this.unfinished);
    if (!this.reader.partial || this.socket.isPaused()) return;
    this.unfinished = setTimeout(() => {
      this.options.onEvent?.('frame-unfinished');
      this.socket.destroy();
    }, this.options.unfinishedFrameMs ?? 30_000);
  }

  private async answerWaiting(): Promise<void> {
    for (let message = this.waiting.shift(); message; message = this.waiting.shift()) {
      let reply: Buffer | undefined;
      try {
        reply = await this.answer(message);
      } catch {
        // No answer rather than a wrong one: the sender keeps the message and sends it again.
        this.options.onEvent?.('handler-failed');
      }
      if (!reply) return void this.socket.destroy();
      if (reply.length > 0 && this.socket.writable) this.socket.write(frame(reply));
      if (this.socket.isPaused() && !this.draining && this.waiting.length < MAX_WAITING / 2) {
        this.socket.resume();
        this.expectEnd();
      }
    }
  }
}
