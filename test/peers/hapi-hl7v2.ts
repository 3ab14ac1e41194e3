import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Peer } from '#testing';

const pom = join(import.meta.dirname, 'hapi-hl7v2', 'pom.xml');
const version = /<hapi\.version>([^<]+)</.exec(readFileSync(pom, 'utf8'))?.[1];
/** Where the pom puts what it fetched and compiled. */
const home = resolve(import.meta.dirname, `../../.collimator/hapi-hl7v2-${version}`);

/** HAPI HL7 v2, assembled by Maven from its published jars, with the few lines that have it judge. */
export const hapiHl7v2Peer: Peer = {
  command: ['sh', '-c', 'test -e "$0" && java -version', join(home, 'judge.jar')],
  says: /version/,
  install: 'mvn -f test/peers/hapi-hl7v2/pom.xml package',
};

/** What HAPI says of each message: `OK`, or what is wrong with it. */
export function judge(messages: readonly Buffer[]): Promise<string[]> {
  return new Promise((done, failed) => {
    const path = `${join(home, 'judge.jar')}:${join(home, 'lib', '*')}`;
    const child = execFile('java', ['-XX:TieredStopAtLevel=1', '-cp', path, 'Judge'], (error, stdout) =>
      error ? failed(error) : done(stdout.trimEnd().split('\n')),
    );
    child.stdin!.end(messages.map((message) => `${message.toString('base64')}\n`).join(''));
  });
}
