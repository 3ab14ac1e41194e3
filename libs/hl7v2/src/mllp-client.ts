import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { parseMessage, type Hl7Message } from './message.js';
import { frame, FrameReader } from './mllp-framing.js';

export interface MllpClientOptions {
  host: string;
  port: number;
  tls?: ConnectionOptions;
  connectTimeoutMs?: number;
  ackTimeoutMs?: number;
}

/**
 * What kept an answer from coming; `wrong-answer` acknowledges another message, `unreadable` is no acknowledgement at
 * all. After anything but `unreachable` it is unknown whether the receiver acted.
 */
export class MllpFailure extends Error {
  override readonly name = 'MllpFailure';
  constructor(
    readonly kind: 'unreachable' | 'closed' | 'timeout' | 'wrong-answer' | 'unreadable',
    cause?: unknown,
  ) {
    super(`MLLP: ${kind}`, { cause });
  }
}

/**
 * Sends HL7 v2 over one MLLP connection, one message at a time. An answer counts only if its MSA-2 is the control id
 * that was sent; when none comes in time the connection is closed, so that a late one is never taken for the next
 * message's.
 */
export class MllpClient {
  private socket?: Socket;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: MllpClientOptions) {}

  /**
   * Sends one message and waits for its acknowledgement, whatever it says.
   *
   * @throws MllpFailure
   */
  async send(message: Buffer, controlId: string): Promise<Hl7Message> {
    const turn = this.last.then(() => this.exchange(message, controlId));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  /** Closes the connection; a later send opens it again. */
  close(): void {
    this.socket?.destroy();
    this.socket = undefined;
  }

  private async exchange(message: Buffer, controlId: string): Promise<Hl7Message> {
    const socket = await this.connected();
    try {
      const answer = parseMessage(await this.roundTrip(socket, message));
      const msa = answer.first('MSA');
      if (!msa) throw new MllpFailure('unreadable');
      if (msa.get(2) !== controlId) throw new MllpFailure('wrong-answer');
      return answer;
    } catch (error) {
      this.close();
      throw error instanceof MllpFailure ? error : new MllpFailure('unreadable', error);
    }
  }

  private async roundTrip(socket: Socket, message: Buffer): Promise<Buffer> {
    const reader = new FrameReader(8 * 1024 * 1024);
    let cleanUp = (): void => undefined;
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        const onData = (bytes: Buffer): void => {
          try {
            const [answer] = reader.push(bytes);
            if (answer) resolve(answer);
          } catch (error) {
            reject(new MllpFailure('unreadable', error));
          }
        };
        const onClose = (): void => reject(new MllpFailure('closed'));
        const timer = setTimeout(() => reject(new MllpFailure('timeout')), this.options.ackTimeoutMs ?? 10_000);
        socket.on('data', onData).on('close', onClose);
        cleanUp = () => {
          clearTimeout(timer);
          socket.off('data', onData).off('close', onClose);
        };
        socket.write(frame(message));
      });
    } finally {
      cleanUp();
    }
  }

  private async connected(): Promise<Socket> {
    if (this.socket && !this.socket.destroyed && this.socket.writable) return this.socket;
    const { host, port, tls } = this.options;
    return new Promise((resolve, reject) => {
      const socket = tls ? connectTls({ ...tls, host, port }) : connectTcp({ host, port });
      const timer = setTimeout(
        () => socket.destroy(new Error('connect timeout')),
        this.options.connectTimeoutMs ?? 5000,
      );
      socket.setNoDelay(true);
      socket.once('error', (error) => reject(new MllpFailure('unreachable', error)));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        clearTimeout(timer);
        if (this.socket === socket) this.socket = undefined;
      });
      socket.once(tls ? 'secureConnect' : 'connect', () => {
        clearTimeout(timer);
        this.socket = socket;
        resolve(socket);
      });
    });
  }
}
