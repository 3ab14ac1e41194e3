import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

const START = 0x0b;
const END = Buffer.from([0x1c, 0x0d]);

/** Sends one message by MLLP on a connection of its own and gives the answer. */
export function sendMllp(
  { host = '127.0.0.1', port }: { host?: string; port: number },
  message: string,
  timeoutMs = 10_000,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no acknowledgement within ${timeoutMs} ms`)));
    onFrames(socket, (answer) => {
      resolve(answer);
      socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection was closed without an acknowledgement')));
    socket.write(framed(message));
  });
}

/** A listener that hands over each message and sends what it gets back; undefined sends nothing. */
export class MllpReceiver {
  private server?: Server;
  private readonly sockets = new Set<Socket>();
  private listening = 0;

  constructor(private readonly answer: (message: string) => string | undefined) {}

  get port(): number {
    return this.listening;
  }

  /** @param port a free one if 0; started again after {@link stop}, it takes the port it had */
  async start(port = 0): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      onFrames(socket, (message) => {
        const answer = this.answer(message);
        if (answer !== undefined) socket.write(framed(answer));
      });
    });
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port || this.listening, '127.0.0.1', resolve);
    });
    this.listening = (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    const server = this.server;
    this.server = undefined;
    if (server) await new Promise((resolve) => server.close(resolve));
  }
}

function framed(message: string): Buffer {
  return Buffer.concat([Buffer.from([START]), Buffer.from(message, 'utf8'), END]);
}

function onFrames(socket: Socket, take: (message: string) => void): void {
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (let end = received.indexOf(END); end >= 0; end = received.indexOf(END)) {
      const start = received.indexOf(START);
      const frame = received.subarray(start + 1, end);
      received = received.subarray(end + END.length);
      if (start >= 0 && start < end) take(frame.toString('utf8'));
    }
  });
}
