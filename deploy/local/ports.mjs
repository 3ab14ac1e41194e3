import { readFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { Refusal } from './refusal.mjs';

/** Ports from here on may be needed by others; up to where the system gives ports of its own choice. */
const FROM = 10_240;
const UP_TO = firstOfSystem();

/**
 * A TCP port of 127.0.0.1 that nobody listens on right now, and that the system gives nobody: neither to who listens on
 * any port nor to an outgoing connection, which may else have it before it is listened on.
 *
 * @returns {Promise<number>}
 */
export async function freePort() {
  const [port] = await freePorts(1);
  return /** @type {number} */ (port);
}

/**
 * Several free ports, all different.
 *
 * @param {number} count
 * @returns {Promise<number[]>}
 */
export async function freePorts(count) {
  const held = [];
  for (let tries = 0; held.length < count; tries++) {
    const port = FROM + Math.floor(Math.random() * (UP_TO - FROM));
    try {
      held.push(await listenOn(port));
    } catch (error) {
      if (tries > 1000) throw error;
    }
  }
  await Promise.all(held.map(({ close }) => close()));
  return held.map(({ port }) => port);
}

/** Where the ports begin that the system gives by its own choice (Linux says; IANA's 49152 elsewhere). */
function firstOfSystem() {
  try {
    const first = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/)[0]);
    return first > FROM + 1000 ? first : 49_152;
  } catch {
    return 49_152;
  }
}

/**
 * Refuses when a port is taken, naming it and the environment variable that moves it.
 *
 * @param {{ port: number, variable: string, use: string }[]} wanted
 * @throws {Refusal} with one line per taken port
 */
export async function refuseTakenPorts(wanted) {
  const taken = [];
  for (const one of wanted) if (!(await isFree(one.port))) taken.push(one);
  const twice = wanted.filter((one, index) => wanted.findIndex(({ port }) => port === one.port) !== index);
  const lines = [
    ...taken.map(
      ({ port, variable, use }) =>
        `Port ${port} (${use}) is taken: stop what listens there, or set ${variable} to a free port.`,
    ),
    ...twice.map(({ port, variable, use }) => `Port ${port} (${use}) is given twice: set ${variable} to another port.`),
  ];
  if (lines.length > 0) throw new Refusal(lines.join('\n'));
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export async function isFree(port) {
  try {
    await (await listenOn(port)).close();
    return true;
  } catch {
    return false;
  }
}

/**
 * True when something accepts a TCP connection there.
 *
 * @param {number} port
 * @param {string} [host]
 * @returns {Promise<boolean>}
 */
export function answers(port, host = '127.0.0.1') {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    const settle = (/** @type {boolean} */ outcome) => {
      socket.destroy();
      resolve(outcome);
    };
    socket.setTimeout(1000, () => settle(false));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

/** @param {number} port */
function listenOn(port) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      resolve({
        port: /** @type {import('node:net').AddressInfo} */ (server.address()).port,
        close: () => new Promise((closed) => server.close(closed)),
      }),
    );
  });
}
