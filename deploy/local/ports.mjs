import { createServer, connect } from 'node:net';
import { Refusal } from './refusal.mjs';

/**
 * A TCP port of 127.0.0.1 that nobody listens on right now.
 *
 * @returns {Promise<number>}
 */
export async function freePort() {
  const { port, close } = await listenOn(0);
  await close();
  return port;
}

/**
 * Several free ports, all different.
 *
 * @param {number} count
 * @returns {Promise<number[]>}
 */
export async function freePorts(count) {
  const held = [];
  for (let n = 0; n < count; n++) held.push(await listenOn(0));
  await Promise.all(held.map(({ close }) => close()));
  return held.map(({ port }) => port);
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
