import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Module, type INestApplication } from '@nestjs/common';
import { Kafka, logLevel } from 'kafkajs';
import { Client } from 'pg';
import { MllpClient, MllpServer } from '#hl7v2';
import { createLogger, createService, tlsOptionsOf } from '#platform';
import {
  aMergeMessage,
  anOrmMessage,
  freePort,
  peerSuite,
  site,
  siteFile,
  startService,
  until,
  type RunningService,
} from '#testing';
import { startKafka } from '../../deploy/local/embedded-kafka.mjs';
import { startPostgres } from '../../deploy/local/embedded-postgres.mjs';
import { acknowledgementOf } from '../sandbox/hl7.js';
import { sendMllp } from '../sandbox/mllp.js';
import { Authority, openssl, type Certificate } from './certificates.js';

/**
 * domain.md, journey 10: nothing about a patient is on an unencrypted line. A real Kafka and a real Postgres that take
 * nothing but TLS, and listeners of ours that do not either.
 */
peerSuite('every line encrypted', openssl, () => {
  const folder = mkdtempSync(join(tmpdir(), 'collimator-lines-'));
  chmodSync(folder, 0o755);
  let postgres: Awaited<ReturnType<typeof startPostgres>>;
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  let ours: Certificate;
  let theirs: Certificate;
  let orders: RunningService;
  let destination: MllpServer;
  const told: string[] = [];

  beforeAll(async () => {
    const hospital = new Authority(folder, 'hospital');
    [ours, theirs] = [hospital.issue('COLLIMATOR'), hospital.issue('SERVER')];
    [postgres, kafka] = await Promise.all([postgresByTls(theirs), kafkaByTls(theirs)]);
    destination = new MllpServer(
      { host: '127.0.0.1', port: 0, tls: tlsOptionsOf({ host: '', port: 0, tls: theirs }) },
      async (bytes) => {
        told.push(bytes.toString());
        return Buffer.from(acknowledgementOf(bytes.toString(), 'AA', new Date()));
      },
    );
    const line = { kind: 'mllp', host: '127.0.0.1', port: await destination.start(), tls: ours } as const;
    const pacs = { name: 'pacs', ...line, application: 'PACS', facility: 'SGH' };
    const content = site({ destinations: [{ ...pacs, gets: ['merges'] }] });
    orders = await startService('orders', {
      env: {
        DATABASE_URL: encryptedUrl(),
        SITE_FILE: siteFile(content),
        KAFKA_BROKERS: kafka.brokers,
        ...brokerLine(),
        MLLP_TLS_CERT: ours.certFile,
        MLLP_TLS_KEY: ours.keyFile,
        MLLP_TLS_CA: ours.caFile,
      },
    });
  }, 180_000);
  afterAll(async () => {
    await orders?.stop();
    await destination?.stop();
    await Promise.all([kafka?.stop(), postgres?.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const encryptedUrl = () => `${postgres.url}?sslmode=verify-full&sslrootcert=${ours.caFile}`;
  const brokerLine = () => ({
    KAFKA_SSL: 'true',
    KAFKA_SSL_CA: ours.caFile,
    KAFKA_SSL_CERT: ours.certFile,
    KAFKA_SSL_KEY: ours.keyFile,
    KAFKA_SASL_MECHANISM: 'plain',
    KAFKA_SASL_USERNAME: 'collimator',
    KAFKA_SASL_PASSWORD: 'secret',
  });
  const sql = async <T>(query: string): Promise<T[]> => {
    const client = new Client({ connectionString: encryptedUrl() });
    await client.connect();
    try {
      return (await client.query(query)).rows as T[];
    } finally {
      await client.end();
    }
  };

  it('takes an order by MLLP over TLS, keeps it and tells it, all of it encrypted', async () => {
    const tls = {
      ca: readFileSync(ours.caFile),
      cert: readFileSync(theirs.certFile),
      key: readFileSync(theirs.keyFile),
    };
    const client = new MllpClient({ host: '127.0.0.1', port: orders.mllpPort, ackTimeoutMs: 10_000, tls });
    const answer = await client.send(
      anOrmMessage({ controlId: 'TLS1', mrn: 'TLS1', placerOrderNumber: 'TLS1' }),
      'TLS1',
    );
    expect(answer.first('MSA')?.get(1)).toBe('AA');
    await client.send(aMergeMessage({ controlId: 'TLS2', mrn: 'TLS2', prior: 'TLS1' }), 'TLS2');
    client.close();
    await until(() => told.some((one) => one.includes('|ADT^A40')), { what: 'the merge to be told by TLS' });
    const waiting = () => sql(`SELECT 1 FROM "${orders.env.DATABASE_SCHEMA}".outbox WHERE published_at IS NULL`);
    await until(async () => (await waiting()).length === 0, { what: 'Kafka to have it', within: 30_000 });
    const lines = await sql<{ ssl: boolean }>(
      `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE client_addr IS NOT NULL`,
    );
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.every(({ ssl }) => ssl)).toBe(true);
  }, 60_000);

  it('takes none in plaintext', async () => {
    const plain = sendMllp(
      { port: orders.mllpPort },
      anOrmMessage({ mrn: 'PLAIN', placerOrderNumber: 'PLAIN' }).toString(),
    );
    await expect(plain).rejects.toThrow();
    const metrics = async () => (await fetch(`${orders.url}/metrics`)).text();
    expect(await metrics()).toContain('collimator_mllp_events_total{event="refused-connection"} 1');
  });

  it('serves HTTP by TLS only, where it has a certificate', async () => {
    class Root {}
    Module({})(Root);
    const infrastructure = {
      service: 'orders',
      database: { url: encryptedUrl(), schema: orders.env.DATABASE_SCHEMA!, poolSize: 2 },
      kafka: { brokers: [], topicPrefix: '' },
      siteFile: '-',
      http: { host: '127.0.0.1', port: 0, tls: { certFile: ours.certFile, keyFile: ours.keyFile } },
      apiTokens: {},
      logLevel: 'silent',
    };
    const logger = createLogger('test', 'silent');
    const app: INestApplication = await createService(
      { service: 'orders', module: Root, migrations: [] },
      { infrastructure, logger, migrations: [], site: site() },
    );
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    try {
      const status = await new Promise((resolve, reject) => {
        const asked = request({
          port,
          host: '127.0.0.1',
          path: '/health/ready',
          ca: readFileSync(ours.caFile),
          agent: false,
        });
        asked.on('response', (response) => resolve(response.resume().statusCode)).on('error', reject);
        asked.end();
      });
      expect(status).toBe(200);
      await expect(fetch(`http://127.0.0.1:${port}/health/ready`)).rejects.toThrow();
    } finally {
      await app.close();
    }
  });

  it('would be spoken to by neither Postgres nor Kafka without', async () => {
    const client = new Client({ connectionString: postgres.url });
    await expect(client.connect()).rejects.toThrow(/no encryption/);
    const stranger = new Kafka({
      brokers: [kafka.brokers],
      logLevel: logLevel.NOTHING,
      connectionTimeout: 2000,
      retry: { retries: 0 },
    }).admin();
    await expect(stranger.connect()).rejects.toThrow();
  });

  /** A server that is asked for TLS by everybody, and gives no line without. */
  async function postgresByTls({ certFile, keyFile }: Certificate): Promise<typeof postgres> {
    const server = await startPostgres({ dataDirectory: join(folder, 'postgres') });
    const { dataDirectory } = server;
    const { uid, gid } = statSync(dataDirectory);
    for (const [name, content] of [
      ['line.crt', readFileSync(certFile)],
      ['line.key', readFileSync(keyFile)],
      ['pg_hba.conf', 'hostssl all all 127.0.0.1/32 trust\n'],
    ] as const) {
      const file = join(dataDirectory, name);
      writeFileSync(file, content, { mode: 0o600 });
      chownSync(file, uid, gid);
    }
    const client = new Client({ connectionString: server.url });
    await client.connect();
    await client.query("ALTER SYSTEM SET ssl_cert_file = 'line.crt'");
    await client.query("ALTER SYSTEM SET ssl_key_file = 'line.key'");
    await client.query('ALTER SYSTEM SET ssl = on');
    await client.query('SELECT pg_reload_conf()');
    await client.end();
    const isOn = async () => {
      const plain = new Client({ connectionString: server.url });
      return plain.connect().then(
        () => plain.end().then(() => false),
        () => true,
      );
    };
    await until(isOn, { what: 'Postgres to take TLS only' });
    return server;
  }

  /** A broker with one listener, which wants TLS, a certificate and a password. */
  async function kafkaByTls({ certFile, keyFile, caFile }: Certificate): Promise<typeof kafka> {
    const [port, controllerPort] = [await freePort(), await freePort()];
    const keystore = join(folder, 'broker.pem');
    writeFileSync(keystore, readFileSync(keyFile, 'utf8') + readFileSync(certFile, 'utf8'));
    const users = 'username="broker" password="b" user_broker="b" user_collimator="secret"';
    return startKafka({
      dataDirectory: join(folder, 'kafka'),
      port,
      controllerPort,
      properties: [
        `listeners=SECURE://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
        `advertised.listeners=SECURE://127.0.0.1:${port}`,
        'listener.security.protocol.map=SECURE:SASL_SSL,CONTROLLER:PLAINTEXT',
        'inter.broker.listener.name=SECURE',
        'sasl.mechanism.inter.broker.protocol=PLAIN',
        'sasl.enabled.mechanisms=PLAIN',
        `listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required ${users};`,
        'ssl.client.auth=required',
        'ssl.keystore.type=PEM',
        `ssl.keystore.location=${keystore}`,
        'ssl.truststore.type=PEM',
        `ssl.truststore.location=${caFile}`,
      ],
    });
  }
});
