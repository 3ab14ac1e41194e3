import { spawnSync } from 'node:child_process';
import { describe, it } from '@jest/globals';

/** A foreign program that tests talk to. */
export interface Peer {
  /** A command that ends with status 0 where the peer is installed, such as `['findscu', '--version']`. */
  command: string[];
  /** What the command must say, where another program goes by the same name. */
  says?: RegExp;
  /** The line that installs it. */
  install: string;
}

/**
 * A suite against real foreign programs. Where one is missing, the suite is skipped and says how to install it; with
 * PEERS=required that is a failure.
 */
export function peerSuite(name: string, peers: Peer | Peer[], tests: () => void): void {
  const missing = [peers].flat().filter((peer) => !isInstalled(peer));
  const complaint = complaintAbout(name, missing);
  if (!complaint) return describe(name, tests);
  if (process.env.PEERS === 'required')
    return describe(name, () => {
      it('has its peers', () => {
        throw new Error(`PEERS=required: ${complaint}`);
      });
    });
  process.stderr.write(`SKIPPED ${complaint}\n`);
  describe.skip(name, tests);
}

/** Which suite cannot run for want of peers, and every line that installs one; undefined where none is missing. */
export function complaintAbout(name: string, missing: readonly Peer[]): string | undefined {
  if (missing.length === 0) return undefined;
  return `${name}: install with ${[...new Set(missing.map(({ install }) => install))].join('; ')}`;
}

/** True where the peer's command runs and says what it should. */
export function isInstalled({ command, says }: Peer): boolean {
  const [program = '', ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 });
  return status === 0 && (says === undefined || says.test(stdout + stderr));
}
