import { resolve } from 'node:path';
import { startChild, type ChildProcess } from '../../../deploy/local/child-process.mjs';
import { freePorts } from '../../../deploy/local/ports.mjs';
import { site, siteFile } from './a-site.js';
import { testBrokers, testDatabaseUrl, testSchema, testTopicPrefix } from './test-infrastructure.js';
import { until } from './until.js';

/** The four services, as built in dist/. */
export type ServiceName = 'orders' | 'scheduling' | 'contrast' | 'results';

/** One service as a process of its own, ready for work. */
export interface RunningService {
  name: ServiceName;
  pid: number;
  /** `http://127.0.0.1:<port>`. */
  url: string;
  httpPort: number;
  /** Listens only where the service does: orders, scheduling, results. */
  mllpPort: number;
  /** Listens only in scheduling. */
  dicomPort: number;
  /** The environment it got; give it to another service to share topics, or back to start it again. */
  env: Record<string, string>;
  /** Its log so far, one object a line. */
  logs(): Record<string, unknown>[];
  /** Everything it wrote so far, as it wrote it. */
  output(): string;
  /** SIGTERM, then waits until it has gone; gives its exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL: no goodbye. */
  kill9(): Promise<void>;
  /** Starts it again in the same environment, on the same ports and data, after stop or kill9. */
  restart(): Promise<RunningService>;
}

const root = resolve(import.meta.dirname, '../../..');

/**
 * Starts a built service (run `npm run build` first; `npm test` does) and waits for /health/ready. Own schema, own
 * topic prefix, free ports and the site of {@link site}, unless the environment given says otherwise.
 *
 * @throws Error with the service's own words if it ends or is not ready within a minute
 */
export async function startService(
  name: ServiceName,
  { env = {}, migrate = true }: { env?: Record<string, string>; migrate?: boolean } = {},
): Promise<RunningService> {
  const [httpPort, mllpPort, dicomPort] = await freePorts(3);
  const full: Record<string, string> = {
    DATABASE_URL: env.DATABASE_URL ?? testDatabaseUrl(),
    DATABASE_SCHEMA: testSchema(),
    DATABASE_POOL: '6',
    KAFKA_BROKERS: env.KAFKA_BROKERS ?? testBrokers().join(','),
    TOPIC_PREFIX: testTopicPrefix(),
    SITE_FILE: env.SITE_FILE ?? siteFile(site()),
    HTTP_PORT: String(httpPort),
    LOG_LEVEL: 'debug',
    ...(name === 'contrast' ? {} : { MLLP_PORT: String(mllpPort) }),
    ...(name !== 'orders' ? { DICOM_PORT: String(dicomPort) } : {}),
    ...env,
  };
  if (migrate) await runToEnd(name, full);
  return launch(name, full);
}

async function launch(name: ServiceName, env: Record<string, string>): Promise<RunningService> {
  let output = '';
  const child = spawnService(name, [], env, (chunk) => (output += chunk));
  const url = `http://127.0.0.1:${env.HTTP_PORT}`;
  try {
    await until(
      async () => {
        if (!child.running()) return 'ended';
        return (await fetch(`${url}/health/ready`)).ok && 'ready';
      },
      { within: 60_000, every: 50, what: `${name} to be ready` },
    );
    if (!child.running()) throw new Error(`${name} ended while starting`);
  } catch (error) {
    await child.kill9();
    throw new Error(`${(error as Error).message}. It said:\n${output.slice(-4000)}`, { cause: error });
  }
  return {
    name,
    pid: child.pid,
    url,
    httpPort: Number(env.HTTP_PORT),
    mllpPort: Number(env.MLLP_PORT ?? 0),
    dicomPort: Number(env.DICOM_PORT ?? 0),
    env,
    output: () => output,
    logs: () => output.split('\n').flatMap(logLine),
    async stop() {
      await child.stop();
      return (await child.exited).code;
    },
    kill9: () => child.kill9(),
    restart: () => launch(name, env),
  };
}

async function runToEnd(name: ServiceName, env: Record<string, string>): Promise<void> {
  const child = spawnService(name, ['--migrate'], env);
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`${name} --migrate ended with ${code}. It said:\n${child.lastOutput()}`);
}

function spawnService(
  name: ServiceName,
  args: string[],
  env: Record<string, string>,
  onOutput?: (chunk: string) => void,
): ChildProcess {
  const { PATH, HOME, TZ } = process.env;
  return startChild(process.execPath, [`dist/apps/${name}/src/main.js`, ...args], {
    cwd: root,
    env: { PATH, HOME, TZ, ...env },
    onOutput,
  });
}

function logLine(line: string): Record<string, unknown>[] {
  try {
    return [JSON.parse(line) as Record<string, unknown>];
  } catch {
    return [];
  }
}
