import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { newEvent } from '#events';
import { dicomUidIdentifier, systems, typedIdentifier, uuidFrom } from '#fhir';
import { checkSite } from '#platform';
import { startChild } from '../../deploy/local/child-process.mjs';
import { freePorts } from '../../deploy/local/ports.mjs';
import { nodeFlags } from '../../deploy/local/services.mjs';
import { deliveriesOf } from '../../dist/apps/results/src/emr/emr-update.decider.js';

const PATIENTS = 200;
const UPDATES = 2000;
/** How long the EMR takes for each. */
const EMR_MS = 5;
const SCHEMA = 'bench_emr';

/** An EMR that only counts: of each patient the updates must come one behind the other, from 0, and each once. */
class CountingEmr {
  next = new Map();
  taken = 0;
  first = 0;

  /** @param {string} said `<patient>.<number>` */
  take(said) {
    this.first ||= performance.now();
    const [patient, number] = said.split('.');
    const due = this.next.get(patient) ?? 0;
    if (Number(number) !== due) throw new Error(`patient ${patient}: update ${number} came where ${due} was due`);
    this.next.set(patient, due + 1);
    this.taken++;
  }
}

function fhirServer(emr, onFault) {
  return createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    await pause(EMR_MS);
    const procedure = JSON.parse(body)
      .entry.map(({ resource }) => resource)
      .find(({ resourceType }) => resourceType === 'Procedure');
    try {
      emr.take(procedure.identifier[0].value.replace('urn:oid:1.2.', ''));
    } catch (error) {
      onFault(error);
    }
    response.writeHead(200, { 'content-type': 'application/fhir+json' });
    response.end('{"resourceType":"Bundle","type":"transaction-response"}');
  });
}

function mllpServer(emr, onFault) {
  return createTcpServer((socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', async (chunk) => {
      text += chunk;
      const end = text.indexOf('\x1c\r');
      if (end < 0) return;
      const message = text.slice(1, end);
      text = text.slice(end + 2);
      await pause(EMR_MS);
      try {
        emr.take(/\rOBR\|1\|([\d.]+)\^/.exec(message)[1]);
      } catch (error) {
        onFault(error);
      }
      socket.write(`\x0bMSH|^~\\&|EMR|SGH|C|SGH|20260302||ACK|A|P|2.5.1\rMSA|AA|${message.split('|')[9]}\r\x1c\r`);
    });
  });
}

/** Facts of exams, as many of each patient as of any other, in the order they happened. */
function backlog(site) {
  return Array.from({ length: UPDATES }, (_, index) => {
    const [who, number] = [index % PATIENTS, Math.floor(index / PATIENTS)];
    const id = uuidFrom('bench-emr', String(who));
    const subject = { reference: `Patient/${id}` };
    const patient = {
      resourceType: 'Patient',
      id,
      identifier: [typedIdentifier('MR', site.authorities.SGH, `B${who}`)],
      name: [{ family: 'Bench', given: ['Berta'] }],
    };
    const order = {
      resourceType: 'ServiceRequest',
      id: uuidFrom('bench-order', String(index)),
      status: 'active',
      intent: 'order',
      subject,
      identifier: [
        typedIdentifier('PLAC', site.authorities.EMR, `${who}.${number}`),
        typedIdentifier('ACSN', systems.accessionNumber, `A${index}`),
      ],
      code: { text: 'CT head' },
    };
    const procedure = {
      resourceType: 'Procedure',
      id: uuidFrom('bench-exam', String(index)),
      status: 'in-progress',
      subject,
      identifier: [dicomUidIdentifier(`1.2.${who}.${number}`)],
      basedOn: [{ reference: `ServiceRequest/${order.id}` }],
    };
    const event = newEvent({
      type: 'imaging.schedule.exam-started.v1',
      patientId: id,
      cause: String(index),
      now: new Date(),
      resources: [procedure, patient, order],
    });
    return deliveriesOf(event, site);
  }).flat();
}

/**
 * How fast what an EMR missed while it was away is told it, by FHIR and by HL7 v2 at once: of 200 patients ten updates each
 * and destination, from the first that it takes to the last that is noted as done. Fails where one comes out of its
 * patient's order, or twice.
 *
 * @param {(what: string, measured: string, goal?: string) => void} report
 * @param {import('pg').Pool} pool
 */
export async function measureBacklog(report, pool) {
  const [http, mllp, fhirPort, emrPort, dicom] = await freePorts(5);
  const directory = mkdtempSync(join(tmpdir(), 'collimator-bench-emr-'));
  const siteFile = join(directory, 'site.yaml');
  const common = { timeoutSeconds: 10 };
  const destinations = [
    { name: 'fhir', kind: 'fhir', url: `http://127.0.0.1:${fhirPort}/fhir`, ...common },
    {
      name: 'hl7',
      kind: 'mllp',
      host: '127.0.0.1',
      port: emrPort,
      application: 'EMR',
      facility: 'SGH',
      connections: 4,
    },
  ];
  const content = { ...parse(readFileSync('deploy/local/site.yaml', 'utf8')), destinations };
  writeFileSync(siteFile, stringify(content));
  const env = {
    PATH: process.env.PATH,
    SITE_FILE: siteFile,
    LOG_LEVEL: 'error',
    DATABASE_URL: process.env.DATABASE_URL,
    DATABASE_SCHEMA: SCHEMA,
    KAFKA_BROKERS: process.env.KAFKA_BROKERS,
    TOPIC_PREFIX: 'bench-emr.',
    HTTP_PORT: http,
    MLLP_PORT: mllp,
    DICOM_PORT: dicom,
  };
  const main = 'dist/apps/results/src/main.js';
  const migration = startChild(process.execPath, [main, '--migrate'], { env });
  if ((await migration.exited).code !== 0) throw new Error(`results could not migrate: ${migration.lastOutput()}`);
  const service = startChild(process.execPath, [...nodeFlags, main], { env });
  const faults = [];
  const [byFhir, byHl7] = [new CountingEmr(), new CountingEmr()];
  const servers = [fhirServer(byFhir, (error) => faults.push(error)), mllpServer(byHl7, (error) => faults.push(error))];
  const count = async (destination) =>
    (
      await pool.query(
        `SELECT count(*)::int AS count, extract(epoch FROM max(finished_at) - min(finished_at))::float AS seconds FROM ${SCHEMA}.delivery WHERE destination = $1 AND state = 'done'`,
        [destination],
      )
    ).rows[0];
  try {
    for (const { destination, key, kind, idempotencyKey, body } of backlog(checkSite(content)))
      await pool.query(
        `INSERT INTO ${SCHEMA}.delivery (id, destination, key, kind, idempotency_key, body) VALUES (gen_random_uuid(), $1, $2, $3, $4, $5)`,
        [destination, key, kind, idempotencyKey, JSON.stringify(body)],
      );
    const tried = async () =>
      (await pool.query(`SELECT count(DISTINCT destination)::int AS count FROM ${SCHEMA}.delivery WHERE attempts > 0`))
        .rows[0].count;
    while ((await tried()) < 2) await alive(service);
    await Promise.all(
      servers.map(
        (server, index) => new Promise((done) => server.listen([fhirPort, emrPort][index], '127.0.0.1', done)),
      ),
    );
    while ((await count('fhir')).count < UPDATES || (await count('hl7')).count < UPDATES) await alive(service);
    if (faults.length > 0) throw faults[0];
    for (const [destination, emr, what] of [
      ['fhir', byFhir, 'FHIR'],
      ['hl7', byHl7, 'HL7 v2'],
    ]) {
      if (emr.taken !== UPDATES) throw new Error(`the EMR took ${emr.taken} updates by ${what}, not ${UPDATES}`);
      const { seconds } = await count(destination);
      report(
        `backlog of ${UPDATES} updates of ${PATIENTS} patients, by ${what}/s`,
        (UPDATES / seconds).toFixed(0),
        'goal ≥ 50, in order',
      );
    }
  } finally {
    for (const server of servers) server.close();
    for (const server of servers) server.closeAllConnections?.();
    await service.stop();
    await pool.query(`DROP SCHEMA IF EXISTS ${SCHEMA}, ${SCHEMA}_staff_dose CASCADE`);
    rmSync(directory, { recursive: true, force: true });
  }
}

async function alive(service) {
  if (!service.running()) throw new Error(`results has ended: ${service.lastOutput()}`);
  await pause(200);
}
