import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Kafka, logLevel, Partitioners, type ISocketFactory, type Producer, type SASLOptions } from 'kafkajs';
import { topics } from '#events';
import { tlsTo, type Infrastructure, type Logger } from '#platform';
import { MAX_EVENT_BYTES } from './unit-of-work.js';

/** Partitions of a topic where the deployment has not made it otherwise: enough for six consumers of one service. */
const PARTITIONS = 6;
/** The largest event and its headers. */
const MAX_RECORD_BYTES = MAX_EVENT_BYTES + 64 * 1024;

/** A Kafka client that logs at debug: kafkajs cries at every try of its own, what matters is said by its callers. */
export function kafkaClient(infrastructure: Infrastructure, logger: Logger): Kafka {
  const { brokers, ssl, sasl } = infrastructure.kafka;
  return new Kafka({
    clientId: `collimator-${infrastructure.service}`,
    brokers,
    ...(ssl ? { ssl: tlsTo(ssl) } : {}),
    ...(sasl ? { sasl: sasl as SASLOptions } : {}),
    connectionTimeout: 3000,
    requestTimeout: 15_000,
    socketFactory: promptSocket,
    retry: { initialRetryTime: 100, maxRetryTime: 2000, retries: 8 },
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ namespace, log }) => {
        logger.debug({ kafka: namespace, code: (log as { error?: string }).error?.slice(0, 80) }, log.message);
      },
  });
}

/** kafkajs's own sockets gather small requests (Nagle), which costs an event tens of milliseconds. */
const promptSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket = ssl
    ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : connect({ host, port }, onConnect);
  return socket.setKeepAlive(true, 60_000).setNoDelay(true);
};

/** A producer that keeps order and does not repeat itself: idempotent, acknowledged by all in-sync replicas. */
export function orderedProducer(kafka: Kafka): Producer {
  return kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
  });
}

/** The name of a catalog topic in this deployment. */
export function topicName(infrastructure: Infrastructure, topic: string): string {
  return `${infrastructure.kafka.topicPrefix}${topic}`;
}

/** Creates the catalog's topics that are not there yet; what is there stays as the operators made it. */
export async function ensureTopics(kafka: Kafka, infrastructure: Infrastructure): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const existing = new Set(await admin.listTopics());
    const missing = topics.map((topic) => topicName(infrastructure, topic)).filter((name) => !existing.has(name));
    if (missing.length === 0) return;
    await admin
      .createTopics({
        topics: missing.map((topic) => ({
          topic,
          numPartitions: PARTITIONS,
          replicationFactor: -1,
          configEntries: [{ name: 'max.message.bytes', value: String(MAX_RECORD_BYTES) }],
        })),
        waitForLeaders: true,
      })
      .catch((error: Error) => {
        // Another service may create the same topic at the same moment.
        if (!/already exists/i.test(JSON.stringify(error, Object.getOwnPropertyNames(error)))) throw error;
      });
  } finally {
    await admin.disconnect();
  }
}
