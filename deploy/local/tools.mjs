import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Refusal } from './refusal.mjs';

const run = promisify(execFile);

/** @throws {Refusal} below Node 20.19 */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    throw new Refusal(`Node ${process.versions.node} is too old: install Node 20.19 or newer.`);
}

/** @throws {Refusal} without Java 17 or newer; with the line that installs it */
export async function requireJava() {
  const install =
    'install Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk)';
  const { stderr } = await run('java', ['-version']).catch(() => {
    throw new Refusal(`Kafka needs Java and there is none: ${install}, or set KAFKA_BROKERS to a running broker.`);
  });
  const major = Number(/version "(?:1\.)?(\d+)/.exec(stderr)?.[1] ?? 0);
  if (major < 17) throw new Refusal(`Kafka needs Java 17 and this is ${major}: ${install}.`);
}

/** @throws {Refusal} without Maven; with the line that installs it */
export async function requireMaven() {
  await run('mvn', ['-version']).catch(() => {
    throw new Refusal(
      'Maven is needed once to fetch the Kafka broker and there is none: install it (Debian: apt-get install maven; macOS: brew install maven), or set KAFKA_BROKERS to a running broker.',
    );
  });
}

/**
 * Copies the jars that a pom names into a folder, unless they are there.
 *
 * @param {string} pom
 * @param {string} folder
 * @param {(line: string) => void} say
 */
export async function fetchJars(pom, folder, say) {
  const { existsSync, mkdirSync, renameSync, rmSync } = await import('node:fs');
  const { dirname } = await import('node:path');
  if (existsSync(folder)) return;
  await requireMaven();
  say(`Fetching jars into ${folder} (once) …`);
  mkdirSync(dirname(folder), { recursive: true });
  const staged = `${folder}.${process.pid}`;
  try {
    await run('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${staged}`], {
      maxBuffer: 64 << 20,
    }).catch((error) => {
      throw new Error(`Maven could not fetch the jars of ${pom}:\n${error.stdout}${error.stderr}`);
    });
    // Two runs at once fetch the same jars: whoever is second keeps the first one's.
    if (!existsSync(folder)) renameSync(staged, folder);
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}
