import { pino, type Logger } from 'pino';
import type { LoggerService } from '@nestjs/common';
import { Failure } from './failure.js';

export type { Logger } from 'pino';

/**
 * A service's JSON log on standard output. What may be logged is ids, codes, counts and times; an error is reduced to
 * its kind and its stack frames, since a library's message may quote a value.
 */
export function createLogger(service: string, level: string): Logger {
  return pino({
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: withoutData, error: withoutData },
  });
}

/** An error without anything a library may have quoted: only a Failure's message, code and field are our own words. */
export function withoutData(error: unknown): object {
  if (!(error instanceof Error)) return { name: typeof error };
  const frames = error.stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 12)
    .map((line) => line.trim());
  const own = error instanceof Failure ? { code: error.code, field: error.field, message: error.message } : {};
  const inner = error.cause instanceof Error ? { cause: withoutData(error.cause) } : {};
  return { name: error.name, ...codeOf(error), ...own, frames, ...inner };
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
    // Nest hands over the error's text here, which may quote data; the kind and the frames are enough to find it.
    const err = message instanceof Error ? message : undefined;
    this.logger.error({ context: rest.at(-1), err }, err ? 'Nest reported an error' : 'Nest reported a problem');
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
