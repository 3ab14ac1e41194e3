import { pino, type DestinationStream, type Logger } from 'pino';
import type { LoggerService } from '@nestjs/common';
import { Failure } from './failure.js';

export type { Logger } from 'pino';

/**
 * A service's JSON log on standard output. What may be logged is ids, codes, counts and times, given as plain values:
 * an object (a resource, a body) is dropped, and an error is reduced to its kind and its stack frames, since a
 * library's message may quote a value.
 *
 * @param destination standard output unless given
 */
export function createLogger(service: string, level: string, destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: plainValuesOnly },
      serializers: { err: withoutData, error: withoutData },
      hooks: {
        // Where no text is given, pino would take the error's own.
        logMethod(args: unknown[], method) {
          const [first, text, ...rest] = args;
          const record = first instanceof Error ? { err: first } : first;
          const needsText = text === undefined && typeof record === 'object' && record !== null;
          method.apply(this, [record, needsText ? 'no text given' : text, ...rest] as Parameters<typeof method>);
        },
      },
    },
    // Written before the call returns: what a process said last, before it crashed or was killed, is what one looks for.
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
}

const LONGEST_TEXT = 200;

function plainValuesOnly(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => {
      if (key === 'err' || key === 'error') return [key, value];
      if (value instanceof Error) return [key, withoutData(value)];
      return [key, Array.isArray(value) ? value.map(plainValue) : plainValue(value)];
    }),
  );
}

function plainValue(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, LONGEST_TEXT);
  return typeof value === 'object' && value !== null ? '[dropped]' : value;
}

/** An error without anything a library may have quoted: only a Failure's message, code and field are our own words. */
export function withoutData(error: unknown): object {
  if (!(error instanceof Error)) return { name: typeof error };
  const { stack = '', message } = error;
  // The stack begins with the message, whose own lines could look like frames.
  const frames = stack
    .slice(stack.indexOf(message) + message.length)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 12)
    .map((line) => line.trim());
  const own = error instanceof Failure ? { code: error.code, field: error.field, message: error.message } : {};
  const inner = error.cause instanceof Error ? { cause: withoutData(error.cause) } : {};
  return { name: /^\w{1,60}$/.test(error.name) ? error.name : 'Error', ...codeOf(error), ...own, frames, ...inner };
}

/** Nest's own messages (modules started, routes mapped) in the service's log, at debug where Nest says "log". */
export class NestLog implements LoggerService {
  constructor(private readonly logger: Logger) {}
  log(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }
  warn(message: unknown, context?: string): void {
    this.logger.warn({ context }, String(message));
  }
  error(message: unknown, ...rest: unknown[]): void {
    // Nest hands over the error's text and stack here, which may quote data; the kind and the frames are enough.
    const err = message instanceof Error ? message : undefined;
    const last = rest.at(-1);
    const context = typeof last === 'string' && /^\w{1,60}$/.test(last) ? last : undefined;
    this.logger.error({ context, err }, err ? 'Nest reported an error' : 'Nest reported a problem');
  }
  debug(message: unknown, context?: string): void {
    this.logger.trace({ context }, String(message));
  }
  verbose(message: unknown, context?: string): void {
    this.logger.trace({ context }, String(message));
  }
}

function codeOf(error: Error): { code?: string } {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^[A-Z0-9_]{3,40}$/.test(code) ? { code } : {};
}
