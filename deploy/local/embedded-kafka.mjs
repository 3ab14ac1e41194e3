import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { startChild, untilReady } from './child-process.mjs';
import { answers, freePorts, isFree } from './ports.mjs';
import { Refusal } from './refusal.mjs';
import { fetchJars, requireJava } from './tools.mjs';

const run = promisify(execFile);
const here = join(import.meta.dirname, 'kafka');
const pom = join(here, 'pom.xml');
const version = /<kafka\.version>([^<]+)</.exec(readFileSync(pom, 'utf8'))?.[1];
const jars = resolve(import.meta.dirname, '..', '..', '.collimator', `kafka-${version}`);

/**
 * @typedef {object} EmbeddedKafka
 * @property {string} brokers host:port
 * @property {number} port
 * @property {() => Promise<void>} stop
 * @property {() => Promise<void>} kill9
 */

/**
 * Starts a real Kafka broker (KRaft, one node that is also its controller) on 127.0.0.1. The same data directory may
 * be started again, on the same or another port, also after a kill.
 *
 * @param {object} options
 * @param {string} options.dataDirectory
 * @param {number} [options.port] a free one unless given
 * @param {string} [options.portVariable] named in the refusal when the port is taken
 * @param {number} [options.controllerPort] a free one unless given
 * @param {string[]} [options.properties] further lines of server.properties, which outweigh ours
 * @param {(line: string) => void} [options.say]
 * @returns {Promise<EmbeddedKafka>}
 * @throws {Refusal} without Java or Maven, or when the port is taken
 */
export async function startKafka({
  dataDirectory,
  port,
  portVariable = 'KAFKA_PORT',
  controllerPort,
  properties: further = [],
  say = () => {},
}) {
  await requireJava();
  await fetchJars(pom, jars, say);
  const [freeBroker, freeController] = await freePorts(2);
  const broker = port ?? /** @type {number} */ (freeBroker);
  const controller = controllerPort ?? /** @type {number} */ (freeController);
  for (const taken of [broker, controller])
    if (!(await isFree(taken)))
      throw new Refusal(
        `Port ${taken} (Kafka) is taken: stop what listens there, or set ${portVariable} to a free port.`,
      );
  const home = resolve(dataDirectory);
  mkdirSync(home, { recursive: true });
  const properties = join(home, 'server.properties');
  writeFileSync(properties, serverProperties(home, broker, controller) + further.map((line) => `${line}\n`).join(''));
  if (!existsSync(join(home, 'log', 'meta.properties'))) await format(home, properties);
  const child = startChild('java', [...java(home), 'kafka.Kafka', properties], { cwd: home });
  await untilReady(child, () => answers(broker), { withinMs: 90_000, what: 'Kafka' });
  return {
    brokers: `127.0.0.1:${broker}`,
    port: broker,
    stop: () => child.stop('SIGTERM', 20_000),
    kill9: child.kill9,
  };
}

/** @param {string} home */
const java = (home) => [
  '-Xmx384m',
  '-Xms128m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Djava.awt.headless=true',
  `-Dkafka.logs.dir=${home}`,
  `-Dlog4j2.configurationFile=${join(here, 'log4j2.xml')}`,
  '-cp',
  join(jars, '*'),
];

/**
 * A cluster id as Kafka has them: 16 bytes in base64url. Never one with a dash in front, which its tool reads as an
 * option.
 *
 * @param {Buffer} bytes 16 random ones
 * @returns {string}
 */
export function clusterIdFrom(bytes) {
  return Buffer.from([bytes[0] & 0x7f, ...bytes.subarray(1)]).toString('base64url');
}

/**
 * @param {string} home
 * @param {string} properties
 */
async function format(home, properties) {
  await run(
    'java',
    [...java(home), 'kafka.tools.StorageTool', 'format', '-t', clusterIdFrom(randomBytes(16)), '-c', properties],
    {
      cwd: home,
    },
  ).catch((error) => {
    throw new Error(`Kafka could not format ${home}:\n${error.stdout}${error.stderr}`);
  });
}

/**
 * @param {string} home
 * @param {number} broker
 * @param {number} controller
 */
const serverProperties = (home, broker, controller) => `# Written at each start by embedded-kafka.mjs.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:${broker},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${broker}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${join(home, 'log')}
num.partitions=6
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=6
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
default.replication.factor=1
min.insync.replicas=1
group.initial.rebalance.delay.ms=0
log.retention.hours=-1
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
`;
