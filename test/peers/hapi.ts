import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Bundle, FhirResource } from 'fhir/r4.js';
import type { Peer } from '#testing';
import { startChild, untilReady } from '../../deploy/local/child-process.mjs';
import { freePorts } from '../../deploy/local/ports.mjs';

const pom = join(import.meta.dirname, 'hapi', 'pom.xml');
const version = /<hapi\.version>([^<]+)</.exec(readFileSync(pom, 'utf8'))?.[1];
/** Where the pom puts what it fetched and compiled. */
const home = resolve(import.meta.dirname, `../../.collimator/hapi-${version}`);

/** HAPI FHIR's JPA server, assembled by Maven from its published jars. */
export const hapiPeer: Peer = {
  command: ['sh', '-c', 'test -e "$0" && java -version', join(home, 'hapi.jar')],
  says: /version/,
  install: 'mvn -f test/peers/hapi/pom.xml package',
};

/** A real FHIR R4 server for one test file. */
export interface Hapi {
  url: string;
  stop(): Promise<void>;
}

/**
 * Starts HAPI on 127.0.0.1, empty (its data is in memory), and waits until it answers /fhir/metadata. It refuses
 * references that do not resolve and content that is not valid R4.
 *
 * @param port a free one unless given
 */
export async function startHapi(port?: number): Promise<Hapi> {
  const folder = mkdtempSync(join(tmpdir(), 'collimator-hapi-'));
  const httpPort = port ?? (await freePorts(1))[0]!;
  const url = `http://127.0.0.1:${httpPort}/fhir`;
  const child = startChild(
    'java',
    [
      '-Xmx768m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Djava.awt.headless=true',
      `-Djava.io.tmpdir=${folder}`,
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
      '-cp',
      `${join(home, 'hapi.jar')}:${join(home, 'lib', '*')}`,
      'HapiServer',
      String(httpPort),
      folder,
    ],
    { cwd: folder },
  );
  const ready = () =>
    fetch(`${url}/metadata`).then(
      (response) => response.ok,
      () => false,
    );
  await untilReady(child, ready, { withinMs: 240_000, what: 'HAPI FHIR' });
  return {
    url,
    async stop() {
      await child.kill9();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks HAPI by a FHIR search or a history, such as `Patient?identifier=1`. @returns the resources it answers */
export async function ask<T extends FhirResource>(hapi: Hapi, query: string): Promise<T[]> {
  const response = await fetch(`${hapi.url}/${query}`, { headers: { 'cache-control': 'no-cache' } });
  if (!response.ok) throw new Error(`HAPI answered ${response.status} to ${query}: ${await response.text()}`);
  return ((await response.json()) as Bundle<T>).entry?.map((one) => one.resource!) ?? [];
}
