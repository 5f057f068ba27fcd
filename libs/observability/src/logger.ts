import type { LoggerService } from '@nestjs/common';
import pino, { type DestinationStream, type Level } from 'pino';
import { redact } from './redact';

const isStack = (text: unknown): text is string => typeof text === 'string' && /\n\s+at /.test(text);

/**
 * Nest's logger on pino: one JSON object per line on standard output, `{level, time, service, context, msg, …}`.
 * Nest passes `(message, ...parameters, context)`, and on errors a stack before the context. Objects among the parameters become fields.
 * Fields named like a secret are redacted. Callers must keep secrets out of texts.
 */
class PinoLogger implements LoggerService {
  constructor(private readonly pino: pino.Logger) {}

  log = (message: unknown, ...rest: unknown[]) => this.write('info', message, rest);
  error = (message: unknown, ...rest: unknown[]) => this.write('error', message, rest);
  warn = (message: unknown, ...rest: unknown[]) => this.write('warn', message, rest);
  debug = (message: unknown, ...rest: unknown[]) => this.write('debug', message, rest);
  verbose = (message: unknown, ...rest: unknown[]) => this.write('trace', message, rest);
  fatal = (message: unknown, ...rest: unknown[]) => this.write('fatal', message, rest);

  private write(level: Level, message: unknown, rest: unknown[]): void {
    const fields: Record<string, unknown> = {};
    const parameters = [...rest];
    const last = parameters.at(-1);
    if (typeof last === 'string' && !isStack(last)) fields.context = parameters.pop();
    for (const parameter of parameters) {
      if (parameter instanceof Error) fields.err = parameter;
      else if (isStack(parameter)) fields.stack = parameter;
      else if (typeof parameter === 'object') Object.assign(fields, parameter);
      else if (parameter !== undefined) fields.detail = parameter;
    }
    if (message instanceof Error) this.pino[level]({ ...fields, err: message }, message.message);
    else if (typeof message === 'object') this.pino[level]({ ...fields, ...message });
    else this.pino[level](fields, String(message));
  }
}

/** @param service a field of every line. `PGFLEET_LOG_LEVEL` (default: info) sets the level. */
export const createLogger = (service: string, destination?: DestinationStream): LoggerService =>
  new PinoLogger(
    pino(
      {
        level: process.env.PGFLEET_LOG_LEVEL || 'info',
        base: { service },
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: {
          level: (label) => ({ level: label }),
          log: (fields) => redact(fields) as Record<string, unknown>,
        },
        // redact has already serialized errors.
        serializers: { err: (error: unknown) => error },
      },
      destination ?? pino.destination({ fd: 1, sync: true }),
    ),
  );
