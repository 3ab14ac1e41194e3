#!/usr/bin/env node
import { readCommand, requestFor, table, usage, UsageError, type ParkedCommand } from './parked-commands.js';

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  if (args.length === 0 || args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage);
    return args.length === 0 ? 2 : 0;
  }
  try {
    const [topic, ...rest] = args;
    if (topic !== 'parked') throw new UsageError(`unknown command ${topic}; the only one is parked`);
    return await run(readCommand(rest, process.env));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}`);
    return 2;
  }
}

async function run(command: ParkedCommand): Promise<number> {
  const { url, method, body } = requestFor(command);
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      body,
      headers: {
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...(command.token ? { authorization: `Bearer ${command.token}` } : {}),
      },
    });
  } catch {
    process.stderr.write(`${command.service} cannot be reached\n`);
    return 3;
  }
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (!response.ok) {
    process.stderr.write(`${response.status}: ${String(answer.detail ?? answer.title ?? 'refused')}\n`);
    return 1;
  }
  process.stdout.write(`${command.json ? JSON.stringify(answer, null, 2) : readable(command, answer)}\n`);
  return answer.stoppedBy ? 1 : 0;
}

function readable(command: ParkedCommand, answer: Record<string, unknown>): string {
  switch (command.verb) {
    case 'list': {
      const rows = answer.parked as Record<string, unknown>[];
      if (rows.length === 0) return 'nothing is parked';
      return table(rows, ['id', 'key', 'state', 'type', 'code', 'reason', 'attempts', 'parkedAt']);
    }
    case 'show':
      return JSON.stringify(answer, null, 2);
    case 'replay': {
      const stopped = answer.stoppedBy as { code: string; reason: string } | undefined;
      return `${String(answer.replayed)} replayed${stopped ? `; stopped by ${stopped.code}: ${stopped.reason}` : ''}`;
    }
    case 'skip':
      return `skipped ${String(answer.skipped)}; replay ${String(answer.key)} to let the events behind it go on`;
  }
}
