import { z } from 'zod';
import { LogLine } from '../log-line';
import { Instant, StepName } from './fields';
import { StepState } from './operation';

/** A line of an operation's log with its position: `seq` grows from line to line, with gaps. */
export const LogEntry = LogLine.extend({
  seq: z.int().positive().meta({
    description: 'position of the line; pass it as `after` or Last-Event-ID to continue after it',
    example: 4711,
  }),
}).meta({ id: 'LogEntry' });
export type LogEntry = z.infer<typeof LogEntry>;

export const LogPage = z
  .object({
    items: z.array(LogEntry),
    next: z.int().nullable().meta({
      description: 'value of `after` for the next page; null when there are no more lines yet',
    }),
  })
  .meta({ id: 'LogPage' });
export type LogPage = z.infer<typeof LogPage>;

/** A position in the log. Digits only, because `Number` also accepts '', '1e3' and ' 7'. */
const Position = z
  .string()
  .regex(/^\d{1,15}$/, 'must be the `seq` of a line')
  .transform(Number);

export const LogQuery = z.strictObject({
  after: Position.optional().meta({
    description: 'only lines after the one with this `seq`',
    example: '4711',
  }),
  limit: z.coerce.number().int().min(1).max(1000).default(200).meta({ description: 'lines per page' }),
  raw: z
    .enum(['true', 'false'])
    .default('false')
    .transform((value) => value === 'true')
    .meta({
      description: 'event stream only: sends complete log lines (LogEntry), including the output of programs',
    }),
});
export type LogQuery = z.infer<typeof LogQuery>;

export const LogHeaders = z.object({
  'last-event-id': Position.optional().meta({
    description: 'event stream only: continues after the event with this id; takes precedence over `after`',
    example: '4711',
  }),
});

/** One readable line of an operation's log in the event stream. */
export const LogText = z
  .object({
    seq: LogEntry.shape.seq,
    time: Instant,
    step: StepName,
    text: z.string().max(400).meta({ example: 'n1: postgres_node : converge: changed (4 files changed)' }),
  })
  .meta({ id: 'LogText' });
export type LogText = z.infer<typeof LogText>;

/** A step that started, succeeded or failed, in the event stream. */
export const StepChange = z
  .object({
    time: Instant,
    step: StepName,
    state: StepState,
    attempt: z.int().nonnegative(),
    text: z.string().meta({ example: 'configure succeeded after 8.1 s' }),
  })
  .meta({ id: 'StepChange' });
export type StepChange = z.infer<typeof StepChange>;
