import { join } from 'node:path';
import { localSettings } from './local-settings.mjs';
import { refuseTakenPorts } from './ports.mjs';
import { buildIfStale, installIfNeeded } from './prepare.mjs';
import { giveUp } from './refusal.mjs';
import { requireJava, requireNode } from './tools.mjs';

/**
 * `npm start`: everything on this machine, from a fresh clone. Plays the routine journey once, prints its trail, and
 * stays up until Ctrl-C. With `--once` it ends after the journey: status 0 if it went through.
 */
const once = process.argv.includes('--once');
const startedAt = Date.now();
const say = console.log;

/** What to stop, last started first. */
const running = [];
let stopping = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    if (!stopping) void stopAll(`\nStopping …`).then(() => process.exit(0));
  });

try {
  requireNode();
  const settings = localSettings(process.env);
  await refuseTakenPorts(settings.needed);
  if (!settings.brokers) await requireJava();
  installIfNeeded(say);
  buildIfStale(say);
  await start(settings);
} catch (error) {
  // Ctrl-C while starting makes whatever was being waited for fail; that is no failure to tell.
  if (!stopping) {
    await stopAll();
    giveUp(error);
  }
}

/** @param {import('./local-settings.mjs').LocalSettings} settings */
async function start(settings) {
  // Only now: a fresh clone has had no dependencies before.
  const { startPostgres } = await import('./embedded-postgres.mjs');
  const { startKafka } = await import('./embedded-kafka.mjs');
  const { migrateServices, startSandbox, startServices } = await import('./services.mjs');
  const { writeSandboxSite } = await import('./site-file.mjs');
  const { summary } = await import('./summary.mjs');
  const { ports } = settings;

  say('Starting Postgres and Kafka …');
  const siteFile = settings.siteFile ?? writeSandboxSite(settings.data, ports);
  const database = async () => {
    const databaseUrl =
      settings.databaseUrl ??
      (await startPostgres({ dataDirectory: join(settings.data, 'postgres'), port: ports.POSTGRES_PORT }).then(keep))
        .url;
    await migrateServices(settings, { databaseUrl, siteFile });
    return databaseUrl;
  };
  const kafka = async () =>
    settings.brokers ??
    (
      await startKafka({
        dataDirectory: join(settings.data, 'kafka'),
        port: ports.KAFKA_PORT,
        controllerPort: ports.KAFKA_CONTROLLER_PORT,
        say,
      }).then(keep)
    ).brokers;
  const [databaseUrl, brokers] = await Promise.all([database(), kafka()]);
  const where = { databaseUrl, brokers, siteFile };

  say('Starting the services …');
  const watched = [];
  const started = (process) => {
    watched.push(process);
    keep(process.child);
  };
  await Promise.all([startServices(settings, where, started), startSandbox(settings, started)]);
  for (const { name, child, logFile } of watched)
    void child.exited.then(({ code, signal }) => {
      if (stopping) return;
      void stopAll(`\n${name} ended by itself (${signal ?? `status ${code}`}); see ${logFile}`).then(() =>
        process.exit(1),
      );
    });

  const failure = await playRoutine(ports.SANDBOX_HTTP_PORT, where.brokers);
  if (once) {
    await stopAll();
    process.exit(failure ? 1 : 0);
  }
  say(summary(settings, where, (Date.now() - startedAt) / 1000));
}

/**
 * @param {number} sandboxPort
 * @param {string} brokers
 * @returns {Promise<string | undefined>} what did not happen
 */
async function playRoutine(sandboxPort, brokers) {
  const { Trail } = await import('./trail.mjs');
  const sandbox = `http://127.0.0.1:${sandboxPort}`;
  const trail = new Trail({ brokers, journalUrl: `${sandbox}/journal`, print: say });
  await trail.follow();
  say('\nThe routine journey, from order to report:\n');
  const response = await fetch(`${sandbox}/play/routine`, { method: 'POST' });
  const outcome = await response.json();
  await trail.end();
  if (response.ok)
    say(
      `\nIt went through: order ${outcome.orderNumber}, accession number ${outcome.accessionNumber}, study ${outcome.studyInstanceUid}.`,
    );
  else say(`\nThe routine journey did not go through: ${outcome.failure}`);
  return outcome.failure;
}

/** @template {{ stop: () => Promise<void> }} T @param {T} started @returns {Promise<T>} */
async function keep(started) {
  running.push(started);
  if (stopping) await started.stop();
  return started;
}

/** @param {string} [word] */
async function stopAll(word) {
  stopping = true;
  if (word) say(word);
  // Services first, together; then what they stand on.
  const infrastructure = running.filter((one) => 'port' in one);
  const processes = running.filter((one) => !('port' in one));
  await Promise.all(processes.map((one) => one.stop()));
  await Promise.all(infrastructure.map((one) => one.stop()));
}
