import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startChild, untilReady } from './child-process.mjs';
import { root } from './prepare.mjs';

/** Each service with the variables of its ports. */
const listeners = {
  orders: { HTTP_PORT: 'ORDERS_HTTP_PORT', MLLP_PORT: 'ORDERS_MLLP_PORT' },
  scheduling: {
    HTTP_PORT: 'SCHEDULING_HTTP_PORT',
    MLLP_PORT: 'SCHEDULING_MLLP_PORT',
    DICOM_PORT: 'SCHEDULING_DICOM_PORT',
  },
  contrast: { HTTP_PORT: 'CONTRAST_HTTP_PORT', DICOM_PORT: 'CONTRAST_DICOM_PORT' },
  results: {
    HTTP_PORT: 'RESULTS_HTTP_PORT',
    MLLP_PORT: 'RESULTS_MLLP_PORT',
    DICOM_PORT: 'RESULTS_DICOM_PORT',
  },
};

/**
 * A service holds little: V8 left alone lets garbage pile up on a large machine, to 240 MB where 150 MB do. As in the
 * Dockerfile.
 */
export const nodeFlags = ['--max-semi-space-size=4', '--max-old-space-size=384'];

/** Signed by nobody: every exam with contrast needs a decision by it. */
const examplePolicy = join(root, 'deploy/local/contrast-policy.yaml');

/** @typedef {{ name: string, child: import('./child-process.mjs').ChildProcess, logFile: string }} LocalProcess */

/**
 * Brings the schemas of the four services up to date. Needs Postgres only.
 *
 * @param {import('./local-settings.mjs').LocalSettings} settings
 * @param {{ databaseUrl: string, siteFile: string }} where
 */
export async function migrateServices(settings, where) {
  const withoutKafka = { ...where, brokers: '127.0.0.1:1' };
  await Promise.all(Object.keys(listeners).map((name) => migrate(name, environment(name, settings, withoutKafka))));
}

/**
 * Starts each of the four services as a process of its own with its log in a file, and waits until all are ready.
 *
 * @param {import('./local-settings.mjs').LocalSettings} settings
 * @param {{ databaseUrl: string, brokers: string, siteFile: string }} where
 * @param {(started: LocalProcess) => void} started is told of each at once, so that it can be stopped
 */
export async function startServices(settings, where, started) {
  mkdirSync(settings.logs, { recursive: true });
  await Promise.all(
    Object.keys(listeners).map(async (name) => {
      const env = environment(name, settings, where);
      const logFile = join(settings.logs, `${name}.log`);
      const child = startChild(process.execPath, [...nodeFlags, `dist/apps/${name}/src/main.js`], {
        cwd: root,
        env,
        logFile,
      });
      started({ name, child, logFile });
      await untilReady(child, () => isReady(`http://127.0.0.1:${env.HTTP_PORT}`), {
        withinMs: 60_000,
        what: name,
        details: () => `see ${logFile}`,
      });
    }),
  );
}

/**
 * Starts the sandbox hospital as a process of its own.
 *
 * @param {import('./local-settings.mjs').LocalSettings} settings
 * @param {(started: LocalProcess) => void} started
 */
export async function startSandbox(settings, started) {
  mkdirSync(settings.logs, { recursive: true });
  const logFile = join(settings.logs, 'sandbox.log');
  const env = { ...process.env, ...texts(settings.ports) };
  const child = startChild(process.execPath, ['dist/test/sandbox/main.js'], { cwd: root, env, logFile });
  started({ name: 'sandbox hospital', child, logFile });
  await untilReady(child, () => isReady(`http://127.0.0.1:${settings.ports.SANDBOX_HTTP_PORT}`), {
    withinMs: 30_000,
    what: 'The sandbox hospital',
    details: () => `see ${logFile}`,
  });
}

/**
 * @param {string} name
 * @param {Record<string, string | undefined>} env
 */
async function migrate(name, env) {
  const child = startChild(process.execPath, [`dist/apps/${name}/src/main.js`, '--migrate'], { cwd: root, env });
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`${name} could not bring its schema up to date:\n${child.lastOutput()}`);
}

/**
 * @param {string} name
 * @param {import('./local-settings.mjs').LocalSettings} settings
 * @param {{ databaseUrl: string, brokers: string, siteFile: string }} where
 */
function environment(name, settings, where) {
  const own = Object.entries(listeners[name]).map(([variable, from]) => [variable, String(settings.ports[from])]);
  return {
    ...process.env,
    DATABASE_URL: where.databaseUrl,
    KAFKA_BROKERS: where.brokers,
    SITE_FILE: where.siteFile,
    ...(name === 'contrast' ? { CONTRAST_POLICY_FILE: process.env.CONTRAST_POLICY_FILE || examplePolicy } : {}),
    ...Object.fromEntries(own),
  };
}

/** @param {string} url */
async function isReady(url) {
  try {
    return (await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(3000) })).ok;
  } catch {
    return false;
  }
}

/** @param {Record<string, number>} numbers */
function texts(numbers) {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)]));
}
