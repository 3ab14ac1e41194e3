import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { MllpClient, parseMessage } from '#hl7v2';
import { checkEnvelope, orderFromMessage } from '#mapping';
import { loadSite } from '#platform';
import { startChild } from '../../deploy/local/child-process.mjs';
import { nodeFlags } from '../../deploy/local/services.mjs';
import { freePorts } from '../../deploy/local/ports.mjs';
import { measureBacklog } from './emr.mjs';
import { screening } from './screening.mjs';
import { simulatedDayLines } from './simulated-day.mjs';
import { associate, find, measureModalities, measureQueries } from './worklist.mjs';

/**
 * Measures one run on this machine and prints it: each figure beside its floor or goal, taken in the same run, since
 * absolute figures drift. Started by `npm run bench`, which gives it DATABASE_URL and KAFKA_BROKERS.
 */
const { values: options } = parseArgs({
  options: { only: { type: 'string' }, 'modalities-minutes': { type: 'string', default: '0.25' } },
});
const isAll = options.only === undefined;
const modalitiesMinutes = Number(options['modalities-minutes']);
const seconds = Number(process.env.BENCH_SECONDS ?? 5);
const [ordersHttp, mllp, schedulingHttp, dicom, contrastHttp, resultsHttp, resultsMllp] = await freePorts(7);
const ports = {
  orders: { HTTP_PORT: ordersHttp, MLLP_PORT: mllp },
  // Twenty modalities come from this one address, and the pollers.
  scheduling: { HTTP_PORT: schedulingHttp, DICOM_PORT: dicom, DICOM_MAX_ASSOCIATIONS_PER_PEER: '40' },
  contrast: { HTTP_PORT: contrastHttp },
  results: { HTTP_PORT: resultsHttp, MLLP_PORT: resultsMllp },
};
const running = {};
const rows = [];
const report = (what, measured, goal = '') => {
  rows.push([what, measured, goal]);
  console.log(`  ${what.padEnd(62)} ${String(measured).padStart(14)}   ${goal}`);
};

async function start(name, ready = true) {
  const env = { PATH: process.env.PATH, SITE_FILE: 'deploy/local/site.yaml', LOG_LEVEL: 'warn', ...ports[name] };
  const full = { ...env, DATABASE_URL: process.env.DATABASE_URL, KAFKA_BROKERS: process.env.KAFKA_BROKERS };
  const main = `dist/apps/${name}/src/main.js`;
  const migration = startChild(process.execPath, [main, '--migrate'], { env: full });
  if ((await migration.exited).code !== 0) throw new Error(`${name} could not migrate: ${migration.lastOutput()}`);
  running[name] = startChild(process.execPath, [...nodeFlags, main], { env: full });
  const url = `http://127.0.0.1:${ports[name].HTTP_PORT}/health/ready`;
  for (let tries = 0; ready; tries++) {
    if (
      await fetch(url).then(
        (response) => response.ok,
        () => false,
      )
    )
      break;
    if (tries > 600) throw new Error(`${name} is not ready: ${running[name].lastOutput()}`);
    await pause(100);
  }
}

/** An imaging order of a new patient, about as long as real ones. */
let made = 0;
function order(priority = 'R') {
  const n = `${process.pid}${++made}`;
  const text = [
    `MSH|^~\\&|EMR|SGH|COLLIMATOR|SGH|20260302080000||ORM^O01|B${n}|P|2.5.1||||||UNICODE UTF-8`,
    `PID|1||B${n}^^^SGH^MR||Bench^Berta^Maria^^^^L||19700131|F|||1 Invented Street^^Nowhere^^12345^DE||+49301234567`,
    `PV1|1|O|RAD^^^SGH||||9001^Referrer^Rita|||||||||||V${n}^^^SGH`,
    `ORC|NW|B${n}^EMR|||||^^^20300302080000^^${priority}||20260302080000|||9001^Referrer^Rita`,
    `OBR|1|B${n}^EMR||CTHEAD^CT head^L||||||||||||9001^Referrer^Rita||A${n}|||||||||||||R51^Headache^I10`,
    `NTE|1||Persistent headache for two weeks, no trauma, no fever; please exclude bleeding.`,
  ];
  return { id: `B${n}`, accession: `A${n}`, bytes: Buffer.from(text.map((line) => `${line}\r`).join('')) };
}

async function perSecond(connections, work) {
  const until = performance.now() + seconds * 1000;
  const started = performance.now();
  const counts = await Promise.all(
    Array.from({ length: connections }, async (_, index) => {
      let count = 0;
      while (performance.now() < until) {
        await work(index);
        count++;
      }
      return count;
    }),
  );
  return counts.reduce((sum, one) => sum + one, 0) / ((performance.now() - started) / 1000);
}

async function send(client, { id, bytes }) {
  const answer = await client.send(bytes, id);
  if (answer.first('MSA')?.get(1) !== 'AA') throw new Error(`not acknowledged: ${answer.first('ERR')?.get(8)}`);
}

const percentile = (values, p) => [...values].sort((a, b) => a - b)[Math.floor(((values.length - 1) * p) / 100)];
const ms = (value) => `${value.toFixed(1)} ms`;

/** Messages a second through synchronous work, on one core. */
function perSecondAlone(work) {
  const messages = Array.from({ length: 500 }, () => order().bytes);
  const until = performance.now() + seconds * 1000;
  const started = performance.now();
  let count = 0;
  for (; performance.now() < until; count++) work(messages[count % messages.length]);
  return count / ((performance.now() - started) / 1000);
}

/** HL7 → FHIR beside what reading text costs at the least: split into segments and fields, eight of them read. */
function mapping() {
  const site = loadSite('deploy/local/site.yaml');
  const toFhir = (bytes) => {
    const message = parseMessage(bytes);
    return JSON.stringify(orderFromMessage(message, checkEnvelope(message, site, ['ORM^O01']), site));
  };
  const split = (bytes) => {
    const segments = bytes
      .toString('utf8')
      .split('\r')
      .map((line) => line.split('|').map((field) => field.split('~').map((one) => one.split('^'))));
    return [
      [0, 9],
      [1, 3],
      [1, 5],
      [1, 7],
      [3, 1],
      [3, 2],
      [4, 4],
      [4, 18],
    ]
      .map(([line, field]) => segments[line][field]?.[0][0])
      .join();
  };
  for (const work of [toFhir, split]) for (let index = 0; index < 2000; index++) work(order().bytes);
  const [mapped, floor] = [perSecondAlone(toFhir), perSecondAlone(split)];
  report(
    'HL7 → FHIR JSON, ORM^O01/s, one process',
    mapped.toFixed(0),
    'goal ≥ 2000; the converter of measurements: 84',
  );
  report('plain split and 8 fields read/s', floor.toFixed(0));
  report('  ratio', (mapped / floor).toFixed(2));
}

/** Durable acknowledgements beside bare inserts of the same bytes. */
async function acknowledgements(clients) {
  await pool.query(
    'CREATE TABLE IF NOT EXISTS bench_floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)',
  );
  const insert = () => pool.query('INSERT INTO bench_floor (body) VALUES ($1)', [order().bytes.toString()]);
  await perSecond(8, (index) => send(clients[index], order()));
  for (const connections of [1, 8]) {
    const bare = await perSecond(connections, insert);
    const acks = await perSecond(connections, (index) => send(clients[index], order()));
    report(`durable ACKs/s, ${connections} connection(s)`, acks.toFixed(0));
    report(`bare node-pg insert+commit/s, ${connections} connection(s)`, bare.toFixed(0));
    report('  ratio', (acks / bare).toFixed(2), 'goal ≥ 0.5');
  }
  await pool.query('DROP TABLE bench_floor; TRUNCATE orders.outbox');
}

const visible = async (association, accession, everyMs = 3) => {
  while ((await find(association, { AccessionNumber: accession })).length < 2) await pause(everyMs);
};

/** Sends orders and waits until a modality sees them. @returns their accession numbers */
async function endToEnd(clients) {
  const association = await associate(dicom);
  // The orders of the figures above come first.
  const warm = order();
  await send(clients[0], warm);
  await visible(association, warm.accession, 500);
  const batch = Array.from({ length: 400 }, () => order());
  const queue = [...batch];
  const began = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      for (let one = queue.pop(); one; one = queue.pop()) await send(client, one);
    }),
  );
  for (const one of batch) await visible(association, one.accession);
  report(
    'orders/s end to end, sent by 8 connections to visible by C-FIND',
    (400 / ((performance.now() - began) / 1000)).toFixed(0),
  );
  association.destroy();
  return batch.map(({ accession }) => accession);
}

/** How long after its ACK an order is on the worklist, at 20 orders a second. */
async function freshness(clients) {
  const latencies = [];
  const pollers = await Promise.all(Array.from({ length: 4 }, () => associate(dicom)));
  const waiting = [];
  for (let sent = 0; sent < 200; sent++) {
    const next = pause(50);
    waiting.push(
      (async () => {
        const one = order();
        await send(clients[sent % 8], one);
        const acknowledged = performance.now();
        const poller = pollers[sent % 4];
        poller.turn = (poller.turn ?? Promise.resolve()).then(async () => {
          await visible(poller, one.accession);
          latencies.push(performance.now() - acknowledged);
        });
        await poller.turn;
      })(),
    );
    await next;
  }
  await Promise.all(waiting);
  report('order → worklist after its ACK at 20/s, p50', ms(percentile(latencies, 50)));
  report('order → worklist after its ACK at 20/s, p95', ms(percentile(latencies, 95)), 'goal ≤ 250 ms');
  for (const one of pollers) one.destroy();
}

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 8 });
try {
  console.log(`\nCollimator on this machine, ${seconds} s a figure\n`);
  if (isAll) mapping();
  if (isAll) await screening(report, process.env.DATABASE_URL);
  if (isAll || options.only === 'emr') await measureBacklog(report, pool);
  if (options.only !== 'emr') await services();
} finally {
  await pool.end();
  await Promise.all(Object.values(running).map((child) => child.stop()));
}
if (options.only !== 'emr') console.log(`\n${simulatedDayLines().join('\n')}`);

/** What is measured of services that run together. */
async function services() {
  await start('orders');
  const clients = Array.from(
    { length: 8 },
    () => new MllpClient({ host: '127.0.0.1', port: mllp, ackTimeoutMs: 30_000 }),
  );
  if (isAll) await acknowledgements(clients);
  for (const name of isAll ? ['scheduling', 'contrast', 'results'] : ['scheduling']) await start(name);
  const accessionNumbers = await endToEnd(clients);
  if (isAll) await freshness(clients);
  const figures = { pool, port: dicom, report, percentile, ms, accessionNumbers };
  await measureQueries(figures);
  await measureModalities({ ...figures, minutes: modalitiesMinutes });
  for (const [name, { pid, running: isRunning, lastOutput }] of Object.entries(running)) {
    if (!isRunning()) throw new Error(`${name} has ended: ${lastOutput()}`);
    const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    report(`resident memory of ${name}`, `${(kilobytes / 1024).toFixed(0)} MB`, 'goal ≤ 200 MB');
  }
  for (const client of clients) client.close();
}
