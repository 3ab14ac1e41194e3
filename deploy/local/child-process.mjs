import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/**
 * A watcher shell holds the read end of a pipe whose write end is ours. When we die, however we die (kill -9 too),
 * the pipe ends and the watcher ends the program: first politely, after ten seconds for good. The program replaces
 * the first shell, so its process id is the one we know.
 */
const guarded = `
exec 3<&0
( cat <&3 >/dev/null
  kill -s "$COLLIMATOR_STOP_SIGNAL" $$ || exit 0
  n=0; while kill -0 $$ && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
  kill -s KILL $$
) >/dev/null 2>&1 &
exec 3<&-
exec "$@" </dev/null`;

/**
 * @typedef {object} ChildProcess
 * @property {number} pid
 * @property {Promise<{ code: number | null, signal: string | null }>} exited
 * @property {() => boolean} running
 * @property {(signal?: NodeJS.Signals, withinMs?: number) => Promise<void>} stop sends the signal, waits, kills when it
 *   is not heeded
 * @property {() => Promise<void>} kill9
 * @property {() => string} lastOutput the last few thousand characters of both outputs, when they are not in a file
 */

/**
 * Starts a program that dies with us. It is in a session of its own, so that Ctrl-C reaches only us and we end
 * everything in the right order.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options]
 * @param {Record<string, string | undefined>} [options.env] its whole environment; ours when not given
 * @param {string} [options.cwd]
 * @param {number} [options.uid]
 * @param {number} [options.gid]
 * @param {NodeJS.Signals} [options.stopSignal] SIGTERM unless given
 * @param {string} [options.logFile] both outputs are appended here
 * @param {(chunk: string) => void} [options.onOutput] gets both outputs; not together with logFile
 * @returns {ChildProcess}
 */
export function startChild(command, args, options = {}) {
  const { stopSignal = 'SIGTERM', logFile, onOutput } = options;
  const log = logFile === undefined ? undefined : openSync(logFile, 'a');
  const child = spawn('/bin/sh', ['-c', guarded, 'sh', command, ...args], {
    stdio: ['pipe', log ?? 'pipe', log ?? 'pipe'],
    detached: true,
    cwd: options.cwd,
    uid: options.uid,
    gid: options.gid,
    env: { ...(options.env ?? process.env), COLLIMATOR_STOP_SIGNAL: stopSignal.replace(/^SIG/, '') },
  });
  if (log !== undefined) closeSync(log);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (chunk) => {
      output = (output + chunk).slice(-8000);
      onOutput?.(chunk);
    });
  child.stdin.on('error', () => {});
  /** @type {ChildProcess['exited']} */
  const exited = new Promise((resolve) => {
    const done = (/** @type {number | null} */ code, /** @type {string | null} */ signal) => {
      child.stdin.destroy();
      resolve({ code, signal });
    };
    child.once('exit', done);
    child.once('error', (error) => {
      output += error.message;
      done(null, null);
    });
  });
  const running = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? -1,
    exited,
    running,
    lastOutput: () => output,
    async stop(signal = stopSignal, withinMs = 35_000) {
      if (!running()) return;
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
      await exited;
      clearTimeout(timer);
    },
    async kill9() {
      if (running()) child.kill('SIGKILL');
      await exited;
    },
  };
}

/**
 * Polls until the check holds, and gives up at once when the process ends before.
 *
 * @param {ChildProcess} child
 * @param {() => Promise<boolean>} check
 * @param {{ withinMs: number, what: string, details?: () => string }} options
 */
export async function untilReady(child, check, { withinMs, what, details = child.lastOutput }) {
  const deadline = Date.now() + withinMs;
  while (!(await check())) {
    const ended = !child.running();
    if (ended || Date.now() > deadline) {
      await child.kill9();
      throw new Error(
        `${what} ${ended ? 'ended while starting' : `was not ready within ${withinMs} ms`}:\n${details()}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
