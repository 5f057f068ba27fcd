import { z } from 'zod';
import { LogLine } from '../log-line';
import { Instant, StepName } from './fields';
import { StepState } from './operation';

/** A line of an operation's log with its place: `seq` grows from line to line, with gaps. */
export const LogEntry = LogLine.extend({
  seq: z
    .int()
    .positive()
    .meta({ description: 'to go on after this line: `after`, or Last-Event-ID', example: 4711 }),
}).meta({ id: 'LogEntry' });
export type LogEntry = z.infer<typeof LogEntry>;

export const LogPage = z
  .object({
    items: z.array(LogEntry),
    next: z.int().nullable().meta({
      description: 'the value for `after` of the next page; null when these are the last lines so far',
    }),
  })
  .meta({ id: 'LogPage' });
export type LogPage = z.infer<typeof LogPage>;

/** A position in the log. Digits only: `Number` also takes '', '1e3' and ' 7'. */
const Position = z
  .string()
  .regex(/^\d{1,15}$/, 'must be the `seq` of a line')
  .transform(Number);

export const LogQuery = z.strictObject({
  after: Position.optional().meta({
    description: 'only lines after the one with this `seq`',
    example: '4711',
  }),
  limit: z.coerce.number().int().min(1).max(1000).default(200).meta({ description: 'lines of a page' }),
  raw: z
    .enum(['true', 'false'])
    .default('false')
    .transform((value) => value === 'true')
    .meta({
      description: 'event stream only: whole lines of the log (LogEntry), with the output of programs',
    }),
});
export type LogQuery = z.infer<typeof LogQuery>;

export const LogHeaders = z.object({
  'last-event-id': Position.optional().meta({
    description: 'event stream only: goes on after the event with this id; wins over `after`',
    example: '4711',
  }),
});

/** One line of an operation's log as people read it in the event stream. */
export const LogText = z
  .object({
    seq: LogEntry.shape.seq,
    time: Instant,
    step: StepName,
    text: z.string().max(400).meta({ example: 'n1: postgres_node : converge: changed (4 files changed)' }),
  })
  .meta({ id: 'LogText' });
export type LogText = z.infer<typeof LogText>;

/** A step that began, ended or failed, in the event stream. */
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
