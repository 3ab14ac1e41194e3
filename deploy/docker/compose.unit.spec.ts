import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { nodeFlags } from '../local/services.mjs';

const root = resolve(import.meta.dirname, '../..');
const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const compose = parse(text('docker-compose.yml'), { merge: true }) as { services: Record<string, ComposeService> };
const names = ['orders', 'scheduling', 'contrast', 'results'];

interface ComposeService {
  build?: { context: string; dockerfile: string; args: Record<string, string> };
  command?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: object;
}

describe('docker-compose.yml', () => {
  it('has Kafka, Postgres, and a service and a migration job of each name, and nothing else', () => {
    const expected = ['kafka', 'postgres', ...names, ...names.map((name) => `${name}-migration`)];
    expect(Object.keys(compose.services).sort()).toEqual(expected.sort());
  });

  it.each(names)('starts %s from its own image, after its migration', (name) => {
    const service = compose.services[name]!;
    expect(service.build).toEqual({ context: '.', dockerfile: 'deploy/docker/Dockerfile', args: { SERVICE: name } });
    expect(service.depends_on).toMatchObject({
      [`${name}-migration`]: { condition: 'service_completed_successfully' },
      kafka: { condition: 'service_healthy' },
    });
    const migration = compose.services[`${name}-migration`]!;
    expect(migration.command).toEqual(['node', `dist/apps/${name}/src/main.js`, '--migrate']);
    expect(existsSync(join(root, `apps/${name}/src/main.ts`))).toBe(true);
  });

  it('sets only settings that the services read, and every port it publishes', () => {
    const known = new Set(text('libs/platform/src/infrastructure.ts').match(/\b[A-Z]+(?:_[A-Z]+)+\b/g));
    for (const name of names) {
      const { environment = {}, ports = [] } = compose.services[name]!;
      expect(Object.keys(environment).filter((key) => !known.has(key))).toEqual([]);
      const listening = ['HTTP_PORT', 'MLLP_PORT', 'DICOM_PORT'].map((key) => environment[key]).filter(Boolean);
      expect(ports.map((port) => port.split(':').at(-1)).sort()).toEqual(listening.sort());
    }
  });

  it('knows no secret by itself, and .env.example names every variable it insists on', () => {
    const required = [...text('docker-compose.yml').matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name!);
    const secrets = Object.values(compose.services).flatMap(({ environment = {} }) =>
      Object.entries(environment).filter(([key]) => /PASSWORD|TOKEN|SECRET|DATABASE_URL/.test(key)),
    );
    expect(secrets.length).toBeGreaterThan(0);
    for (const [, value] of secrets) expect(value).toMatch(/\$\{\w+:\?/);
    const example = text('deploy/docker/.env.example');
    for (const name of required) expect(example).toMatch(new RegExp(`^${name}=`, 'm'));
    expect(example).toMatch(/^POSTGRES_PASSWORD=$/m);
    expect(example).toMatch(/^API_TOKENS=$/m);
  });

  const command = [['docker', 'compose'], ['docker-compose']].find(
    ([program, ...args]) => spawnSync(program!, [...args, 'version']).status === 0,
  );
  if (!command) process.stderr.write('SKIPPED compose config: install with apt-get install docker-compose\n');
  (command ? it : it.skip)('is accepted by docker compose, and refused without its variables', () => {
    const [program, ...args] = command!;
    const folder = mkdtempSync(join(tmpdir(), 'collimator-compose-'));
    const config = (env: string) => {
      writeFileSync(join(folder, 'env'), env);
      const options = ['--env-file', join(folder, 'env'), '-f', 'docker-compose.yml', 'config', '-q'];
      return spawnSync(program!, [...args, ...options], {
        cwd: root,
        encoding: 'utf8',
        env: { PATH: process.env.PATH },
      });
    };
    const full = config('POSTGRES_PASSWORD=p\nAPI_TOKENS={}\nSITE_FILE=./site.yaml\n');
    expect({ status: full.status, stderr: full.stderr }).toEqual({ status: 0, stderr: '' });
    expect(config('API_TOKENS={}\nSITE_FILE=./site.yaml\n').stderr).toContain('POSTGRES_PASSWORD');
    rmSync(folder, { recursive: true });
  });
});

describe('the Dockerfile', () => {
  const file = text('deploy/docker/Dockerfile');
  const last = file.slice(file.lastIndexOf('\nFROM '));

  it('runs a service as a plain user on a pinned Node, without what only builds need, checked for readiness', () => {
    for (const [, image] of file.matchAll(/^FROM (\S+)/gm)) expect(image).toMatch(/^node:\d+\.\d+\.\d+-[\w-]+$/);
    expect(last).toMatch(/^USER node$/m);
    expect(last).toMatch(/^HEALTHCHECK [^]*\/health\/ready/m);
    expect(last).toContain('COPY --from=dependencies /app/node_modules node_modules');
    expect(file).toContain('RUN npm ci --omit=dev');
    expect(last).toContain('CMD ["sh", "-c", "exec node dist/apps/$SERVICE/src/main.js"]');
  });

  it('copies what there is, and gives a service the flags it has in the local run and the bench', () => {
    const copied = [...file.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths]) => paths!.split(' '));
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(last).toContain(`NODE_OPTIONS="${nodeFlags.join(' ')}"`);
  });
});
