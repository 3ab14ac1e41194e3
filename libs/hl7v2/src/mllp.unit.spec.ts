import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { MllpClient } from './mllp-client.js';
import { frame, FrameReader } from './mllp-framing.js';
import { MllpServer, type AnswerMessage, type MllpServerEvent, type MllpServerOptions } from './mllp-server.js';

const host = '127.0.0.1';
const toClose: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

/** A promise to be kept by hand. */
function promised<T = void>() {
  let keep!: (value: T) => void;
  const promise = new Promise<T>((resolve) => (keep = resolve));
  return { promise, keep };
}

const messageOf = (controlId: string) => Buffer.from(`MSH|^~\\&|A|B|C|D|20260302||ORM^O01|${controlId}|P|2.5.1\r`);
const ackOf = (controlId: string) => Buffer.concat([messageOf('X'), Buffer.from(`MSA|AA|${controlId}\r`)]);
const controlIdIn = (message: Buffer) => message.toString().split('|')[9]!;

async function listening(answer: AnswerMessage, options: Partial<MllpServerOptions> = {}) {
  const events: MllpServerEvent[] = [];
  const waiting: { event: MllpServerEvent; keep: () => void }[] = [];
  const onEvent = (event: MllpServerEvent): void => {
    events.push(event);
    for (const one of waiting) if (one.event === event) one.keep();
  };
  const server = new MllpServer({ host, port: 0, onEvent, ...options }, answer);
  const port = await server.start();
  toClose.push(() => server.stop());
  const event = (wanted: MllpServerEvent): Promise<void> => {
    const { promise, keep } = promised();
    if (events.includes(wanted)) keep();
    waiting.push({ event: wanted, keep });
    return promise;
  };
  return { server, port, events, event };
}

/** A sender that writes bytes as they are and collects the answers. */
async function sender(port: number) {
  const socket = connect({ host, port });
  const answers: string[] = [];
  const reader = new FrameReader(10_000);
  let enough: { count: number; keep: () => void } | undefined;
  socket.on('data', (bytes) => {
    answers.push(...reader.push(bytes).map(String));
    if (enough && answers.length >= enough.count) enough.keep();
  });
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.on('close', resolve));
  await once(socket, 'connect');
  toClose.push(() => socket.destroy());
  const received = (count: number): Promise<void> => {
    const { promise, keep } = promised();
    enough = { count, keep };
    if (answers.length >= count) keep();
    return promise;
  };
  return { socket, answers, closed, received };
}

/** A receiver whose answers the test writes itself. */
async function receiver(onMessage: (message: Buffer, socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    const reader = new FrameReader(10_000);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => reader.push(bytes).forEach((message) => onMessage(message, socket)));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  toClose.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, sockets, server };
}

function client(port: number, options: { ackTimeoutMs?: number } = {}): MllpClient {
  const made = new MllpClient({ host, port, ...options });
  toClose.push(() => made.close());
  return made;
}

describe('MllpServer', () => {
  it('answers the messages of one connection in order, even if a later one is done first', async () => {
    const first = promised();
    const begun: string[] = [];
    const { port } = await listening(async (message) => {
      begun.push(String(message));
      if (String(message) === '1') await first.promise;
      return message;
    });
    const { socket, answers, received } = await sender(port);
    const other = await sender(port);
    socket.write(Buffer.concat(['1', '2', '3'].map((one) => frame(Buffer.from(one)))));
    other.socket.write(frame(Buffer.from('other')));
    await other.received(1);
    expect([begun.filter((one) => one !== 'other'), answers]).toEqual([['1'], []]);
    first.keep();
    await received(3);
    expect(answers).toEqual(['1', '2', '3']);
  });

  it('takes a sender that waits for no answer, however many it sends', async () => {
    const texts = Array.from({ length: 500 }, (_, index) => String(index));
    const { port } = await listening((message) => Promise.resolve(message));
    const { socket, answers, received } = await sender(port);
    for (const text of texts) socket.write(frame(Buffer.from(text)));
    await received(500);
    expect(answers).toEqual(texts);
  });

  it('does not blame the sender for a frame it has not read on while answers were slow', async () => {
    const working = promised();
    const answered = promised();
    const { port, events } = await listening(
      async (message) => {
        working.keep();
        await answered.promise;
        return message;
      },
      { unfinishedFrameMs: 300 },
    );
    const slow = await sender(port);
    const whole = Buffer.concat(Array.from({ length: 65 }, () => frame(Buffer.from('x'))));
    slow.socket.write(Buffer.concat([whole, Buffer.from('\x0bbegun')]));
    await working.promise;
    // Its own unfinished frame shows that the same time has passed for the other.
    const unfinished = await sender(port);
    unfinished.socket.write('\x0bbegun');
    await unfinished.closed;
    expect(events.filter((one) => one === 'frame-unfinished')).toHaveLength(1);
    slow.socket.write(Buffer.from('\x1c\r'));
    answered.keep();
    await slow.received(66);
    expect(slow.answers.at(-1)).toBe('begun');
  });

  it('closes a connection whose frame never ends', async () => {
    const { port, events, event } = await listening((message) => Promise.resolve(message), { unfinishedFrameMs: 1 });
    const { socket, closed } = await sender(port);
    socket.write('\x0bMSH|');
    await closed;
    await event('closed');
    expect(events).toEqual(['connected', 'frame-unfinished', 'closed']);
  });

  it('closes a connection whose frame is too large', async () => {
    const { port, events, event } = await listening((message) => Promise.resolve(message), { maxFrameBytes: 10 });
    const { socket, closed } = await sender(port);
    socket.write(frame(Buffer.alloc(11, 'x')));
    await closed;
    await event('closed');
    expect(events).toEqual(['connected', 'frame-too-large', 'closed']);
  });

  it('counts what stands between frames and goes on', async () => {
    const { port, event } = await listening((message) => Promise.resolve(message));
    const { socket, received } = await sender(port);
    socket.write(Buffer.concat([Buffer.from('ping'), frame(Buffer.from('1'))]));
    await Promise.all([received(1), event('junk-skipped')]);
  });

  it('gives no answer and closes where the handler fails, so that the sender keeps the message', async () => {
    const { port, events } = await listening(() => Promise.reject(new Error('no database')));
    const { socket, answers, closed } = await sender(port);
    socket.write(frame(Buffer.from('1')));
    await closed;
    expect([answers, events]).toEqual([[], expect.arrayContaining(['handler-failed'])]);
  });

  it('takes no more connections than it may', async () => {
    const { port, event } = await listening((message) => Promise.resolve(message), { maxConnections: 1 });
    const one = await sender(port);
    const two = await sender(port);
    await Promise.all([two.closed, event('refused-connection')]);
    one.socket.write(frame(Buffer.from('1')));
    await one.received(1);
  });

  it('answers what it has received whole before it stops', async () => {
    const working = promised();
    const done = promised();
    const { server, port } = await listening(async (message) => {
      working.keep();
      await done.promise;
      return message;
    });
    const { socket, answers, closed } = await sender(port);
    socket.write(Buffer.concat([frame(Buffer.from('1')), frame(Buffer.from('2')), Buffer.from('\x0bhalf')]));
    await working.promise;
    const stopped = server.stop();
    done.keep();
    await Promise.all([stopped, closed]);
    expect(answers).toEqual(['1', '2']);
    await expect(sender(port)).rejects.toThrow('ECONNREFUSED');
  });

  it('says that its port is in use', async () => {
    const { port } = await listening((message) => Promise.resolve(message));
    await expect(new MllpServer({ host, port }, (message) => Promise.resolve(message)).start()).rejects.toThrow(
      'EADDRINUSE',
    );
  });
});

describe('MllpClient', () => {
  it('sends one message at a time and reads its answer', async () => {
    const { port } = await listening((message) => Promise.resolve(ackOf(controlIdIn(message))));
    const emr = client(port);
    const answers = await Promise.all(['1', '2', '3'].map((one) => emr.send(messageOf(one), one)));
    expect(answers.map((answer) => answer.first('MSA')?.get(2))).toEqual(['1', '2', '3']);
  });

  it('never takes a late answer for that of the next message', async () => {
    let late: Socket | undefined;
    const { port, sockets } = await receiver((message, socket) => {
      if (controlIdIn(message) === '1') late = socket;
      else {
        late?.write(frame(ackOf('1')));
        socket.write(frame(ackOf(controlIdIn(message))));
      }
    });
    const emr = client(port, { ackTimeoutMs: 50 });
    await expect(emr.send(messageOf('1'), '1')).rejects.toMatchObject({ kind: 'timeout' });
    expect((await emr.send(messageOf('2'), '2')).first('MSA')?.get(2)).toBe('2');
    expect(sockets).toHaveLength(2);
  });

  it.each<[string, Buffer, string]>([
    ['an answer to another message', frame(ackOf('other')), 'wrong-answer'],
    ['no message at all', frame(Buffer.from('what?')), 'unreadable'],
    ['a message without MSA', frame(messageOf('1')), 'unreadable'],
    [
      'a frame larger than any answer',
      Buffer.concat([Buffer.from('\x0b'), Buffer.alloc(8 * 1024 * 1024 + 1, 'x')]),
      'unreadable',
    ],
  ])('does not take %s, and closes', async (_what, answer, kind) => {
    const { port, sockets } = await receiver((_message, socket) => void socket.write(answer));
    const emr = client(port);
    await expect(emr.send(messageOf('1'), '1')).rejects.toMatchObject({ kind });
    await expect(emr.send(messageOf('1'), '1')).rejects.toMatchObject({ kind });
    expect(sockets).toHaveLength(2);
  });

  it('says that the connection was closed before the answer, and opens it again', async () => {
    let times = 0;
    const { port } = await receiver((message, socket) => {
      if (++times === 1) socket.destroy();
      else socket.write(frame(ackOf(controlIdIn(message))));
    });
    const emr = client(port);
    await expect(emr.send(messageOf('1'), '1')).rejects.toMatchObject({ kind: 'closed' });
    await emr.send(messageOf('1'), '1');
  });

  it('says that nobody listens', async () => {
    const { port, server } = await receiver(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    await expect(client(port).send(messageOf('1'), '1')).rejects.toMatchObject({ kind: 'unreachable' });
  });
});
