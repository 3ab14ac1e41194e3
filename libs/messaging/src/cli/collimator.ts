#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { optionsUsage, table, UsageError } from './command-line.js';
import { readableExplanation, readableTrial, readHl7Command, trialUsage } from './hl7-commands.js';
import {
  messageLogRequest,
  messageLogUsage,
  readableMessageLog,
  readMessageLogCommand,
} from './message-log-commands.js';
import { parkedUsage, readCommand, requestFor, type ParkedCommand } from './parked-commands.js';

/** One request to one service, and how its answer reads. */
interface Command {
  service: string;
  token?: string;
  json: boolean;
  request: { url: string; method: string; body?: string | Buffer<ArrayBuffer>; contentType?: string };
  readable(answer: Record<string, unknown>): string;
}

const topics: Record<string, (args: string[]) => Command> = {
  parked(args) {
    const command = readCommand(args, process.env);
    const request = { contentType: 'application/json', ...requestFor(command) };
    return { ...command, request, readable: (answer) => readable(command, answer) };
  },
  hl7(args) {
    const look = readMessageLogCommand(args, process.env);
    if (look)
      return { ...look, request: messageLogRequest(look), readable: (answer) => readableMessageLog(look, answer) };
    const command = readHl7Command(args, process.env);
    const url = `${command.service}/hl7-messages/${command.verb}`;
    const request = { url, method: 'POST', body: contentOf(command.file), contentType: 'text/plain' };
    return { ...command, request, readable: command.verb === 'try' ? readableTrial : readableExplanation };
  },
};
const usage = `${parkedUsage}\n${trialUsage}\n${messageLogUsage}\n${optionsUsage}`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  if (args.length === 0 || args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage);
    return args.length === 0 ? 2 : 0;
  }
  try {
    const [topic = '', ...rest] = args;
    if (!Object.hasOwn(topics, topic))
      throw new UsageError(`unknown command ${topic}; there are ${Object.keys(topics).join(' and ')}`);
    return await run(topics[topic]!(rest));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}`);
    return 2;
  }
}

async function run({ service, token, json, request, readable }: Command): Promise<number> {
  const { url, method, body, contentType } = request;
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      body,
      headers: {
        ...(body && contentType ? { 'content-type': contentType } : {}),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
    });
  } catch {
    process.stderr.write(`${service} cannot be reached\n`);
    return 3;
  }
  const answer = answerOf(response, await response.text());
  if (!response.ok) {
    process.stderr.write(`${response.status}: ${String(answer.detail ?? answer.title ?? 'refused')}\n`);
    return 1;
  }
  process.stdout.write(`${json ? JSON.stringify(answer, null, 2) : readable(answer)}\n`);
  return answer.stoppedBy || answer.refusal ? 1 : 0;
}

/** A message comes as text, all else as JSON. */
function answerOf(response: Response, text: string): Record<string, unknown> {
  if (response.headers.get('content-type')?.startsWith('text/plain')) return { text };
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** @throws UsageError if the file cannot be read */
function contentOf(file: string): Buffer<ArrayBuffer> {
  try {
    return readFileSync(file);
  } catch {
    throw new UsageError(`${file} cannot be read`);
  }
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
