import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Refusal } from './refusal.mjs';

/** The folder of the clone. */
export const root = resolve(import.meta.dirname, '..', '..');
const built = join(root, 'dist', '.built');

/**
 * Installs the dependencies when there are none, or older ones than the lock file says.
 *
 * @param {(line: string) => void} say
 * @throws {Refusal} when npm fails; its own words stand above
 */
export function installIfNeeded(say) {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(installed) && modified(installed) >= modified(join(root, 'package-lock.json'))) return;
  say('Installing dependencies (npm ci) …');
  runOrRefuse('npm', ['ci', '--no-fund', '--no-audit'], 'npm ci failed');
}

/**
 * Compiles when a source is newer than the last build.
 *
 * @param {(line: string) => void} say
 * @throws {Refusal} when it does not compile; the compiler's own words stand above
 */
export function buildIfStale(say) {
  const sources = ['apps', 'libs', 'test'].flatMap((folder) => sourcesIn(join(root, folder)));
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map((file) => join(root, file));
  if (existsSync(built)) {
    const at = modified(built);
    if ([...sources, ...settings].every((file) => modified(file) <= at)) return;
  }
  say('Building (tsc) …');
  const startedAt = new Date();
  runOrRefuse(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'],
    'It does not compile',
  );
  writeFileSync(built, `${startedAt.toISOString()}\n`);
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} failure
 */
function runOrRefuse(command, args, failure) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Refusal(`${failure}${error ? `: ${error.message}` : ' (see above).'}`);
}

/**
 * @param {string} folder
 * @returns {string[]} what the build reads; specs are not built
 */
function sourcesIn(folder) {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesIn(path);
    return /\.(ts|json)$/.test(entry.name) && !/\.spec\.ts$/.test(entry.name) ? [path] : [];
  });
}

/** @param {string} path */
function modified(path) {
  return statSync(path).mtimeMs;
}
