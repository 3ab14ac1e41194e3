import { spawn } from 'node:child_process';
import { writeFileSync, mkdtempSync } from 'node:fs';
import { Agent, createServer, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { dropSchema, freePort, siteFile, testDatabaseUrl, testSchema, until } from '#testing';

/** The smallest service there is, as a process on the built platform. */
const service = `
  import { Controller, Get, Module } from '@nestjs/common';
  import { createLogger, runService } from '#platform';
  class Slow { async wait() { process.stdout.write('WAITING\\n'); await new Promise((done) => setTimeout(done, 700)); return { done: true }; } }
  Get('slow')(Slow.prototype, 'wait', Object.getOwnPropertyDescriptor(Slow.prototype, 'wait'));
  Controller()(Slow);
  class Root {}
  Module({ controllers: [Slow] })(Root);
  class Note1700000000001 {
    async up(runner) { await runner.query('CREATE TABLE note (id int)'); }
    async down() {}
  }
  await runService({ service: 'smallest', module: Root, migrations: [Note1700000000001] });
  if (process.env.FAULT === 'kill') {
    const logger = createLogger('smallest', 'info');
    for (const word of ['my', 'last', 'words']) logger.info(word);
    process.kill(process.pid, 'SIGKILL');
  }
  if (process.env.FAULT === 'rejection') Promise.reject(new Error('ZZCANARY'));
  if (process.env.FAULT === 'exception') setImmediate(() => { throw new Error('ZZCANARY'); });
`;
const schema = testSchema();
const running = new Set<ReturnType<typeof spawn>>();

async function start(env: Record<string, string> = {}, args: string[] = []) {
  const httpPort = await freePort();
  const child = spawn(process.execPath, ['--input-type=module', '-e', service, '--', ...args], {
    cwd: resolve(import.meta.dirname, '../../..'),
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: testDatabaseUrl(),
      DATABASE_SCHEMA: schema,
      KAFKA_BROKERS: '127.0.0.1:9',
      SITE_FILE: siteFile(),
      HTTP_PORT: String(httpPort),
      ...env,
    },
  });
  running.add(child);
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => (said.out += chunk));
  child.stderr.on('data', (chunk) => (said.err += chunk));
  const ended = new Promise<number | null>((done) =>
    child.once('close', (code) => (running.delete(child), done(code))),
  );
  const lines = () => said.out.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  return {
    child,
    said,
    ended,
    lines,
    httpPort,
    url: `http://127.0.0.1:${httpPort}`,
    ready: () =>
      until(() => lines().find((line) => line.msg === 'ready'), { within: 30_000, what: 'the service to be ready' }),
  };
}

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});
afterAll(() => dropSchema(schema));

describe('A service as a process', () => {
  it('brings the schema up with --migrate and ends, however often and by however many', async () => {
    const first = await Promise.all([start({}, ['--migrate']), start({}, ['--migrate'])]);
    expect(await Promise.all(first.map((one) => one.ended))).toEqual([0, 0]);
    expect(first.map((one) => one.lines()[0].msg).sort()).toEqual([
      'schema brought up to date',
      'schema is up to date',
    ]);
  });

  it('says once that it is ready, with its ports; answers health, metrics and OpenAPI; drains on SIGTERM', async () => {
    const { child, said, ended, lines, httpPort, url, ready } = await start();
    expect(await ready()).toMatchObject({ service: 'smallest', level: 'info', http: httpPort });
    for (const path of ['/health/live', '/health/ready', '/metrics', '/openapi.json', '/docs'])
      expect([path, (await fetch(url + path)).status]).toEqual([path, 200]);
    expect(Object.keys(((await (await fetch(`${url}/openapi.json`)).json()) as { paths: object }).paths)).toEqual([
      '/slow',
    ]);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('process_resident_memory_bytes');

    // A connection that is kept open and does nothing must not hold the service up.
    const agent = new Agent({ keepAlive: true });
    await new Promise((done) => get(`${url}/health/live`, { agent }, (answer) => answer.resume().on('end', done)));
    const inFlight = fetch(`${url}/slow`);
    await until(() => said.out.includes('WAITING'), { what: 'the request to be in work' });
    child.kill('SIGTERM');
    expect(await (await inFlight).json()).toEqual({ done: true });
    expect(await ended).toBe(0);
    agent.destroy();
    const [requests, others] = [true, false].map((is) => lines().filter((line) => (line.msg === 'request') === is));
    expect(others!.map((line) => line.msg)).toEqual(['ready', 'shutting down', 'stopped']);
    expect(requests!.at(-1)).toMatchObject({ method: 'GET', route: '/slow', status: 200 });
    expect(said.err).toBe('');
  });

  it('names the port that is taken and the variable that moves it', async () => {
    const taken = await freePort();
    const other = createServer().listen(taken, '127.0.0.1');
    const { said, ended } = await start({ HTTP_PORT: String(taken) });
    expect(await ended).toBe(1);
    other.close();
    expect(said.err).toBe(`smallest: port ${taken} is taken: stop what uses it, or set HTTP_PORT to another\n`);
  });

  it('lists what is wrong with the environment, and with the site file, and does not start', async () => {
    const environment = await start({ HTTP_PORT: 'x', API_TOKENS: '{}', HTTP_HOST: '0.0.0.0' });
    expect(await environment.ended).toBe(1);
    expect(environment.said.err.trim().split('\n  ')).toHaveLength(4);
    const broken = join(mkdtempSync(join(tmpdir(), 'site-')), 'site.yaml');
    writeFileSync(broken, 'name: Test\ntimeZone: Berlin\ncolour: red\n');
    const site = await start({ SITE_FILE: broken });
    expect(await site.ended).toBe(1);
    expect(site.said.err).toContain(`smallest: The site file ${broken} cannot be used:`);
    for (const mistake of ['timeZone: must be an IANA time zone', 'colour: is not a key', 'stations: is missing'])
      expect(site.said.err).toContain(`\n  ${mistake}`);
  });

  it('says where to look when the database is away', async () => {
    const { said, ended } = await start({ DATABASE_URL: 'postgres://postgres@127.0.0.1:9/none' });
    expect(await ended).toBe(1);
    expect(said.err).toBe('smallest: cannot connect (ECONNREFUSED): check DATABASE_URL and KAFKA_BROKERS\n');
  });

  it('has written all it said when it is killed', async () => {
    const { ended, lines } = await start({ FAULT: 'kill' });
    expect(await ended).toBeNull();
    expect(
      lines()
        .slice(-4)
        .map(({ msg }) => msg),
    ).toEqual(['ready', 'my', 'last', 'words']);
  });

  it.each(['rejection', 'exception'])('ends on a fault nobody foresaw (%s), without quoting it', async (FAULT) => {
    const { said, ended, lines } = await start({ FAULT });
    expect(await ended).toBe(1);
    expect(lines().at(-1)).toMatchObject({ level: 'fatal', err: { name: 'Error', frames: expect.any(Array) } });
    expect(said.out + said.err).not.toContain('ZZCANARY');
  });
});
