import { z } from 'zod';
import { OperationId } from './ids';

/** What Ansible is doing, typed: a play or task that begins, a host's result of a task, the totals at the end. */
export const Progress = z.object({
  event: z.enum(['play', 'task', 'host', 'stats']),
  play: z.string().optional(),
  task: z.string().optional(),
  host: z.string().optional(),
  status: z.enum(['ok', 'changed', 'failed', 'unreachable', 'skipped']).optional(),
  message: z.string().optional(),
  duration: z.number().optional().meta({ description: 'seconds' }),
});
export type Progress = z.infer<typeof Progress>;

/** One line of an operation's log, on `logs.<operationId>`. */
export const LogLine = z
  .object({
    time: z.iso.datetime(),
    operationId: OperationId,
    step: z.string(),
    jobId: z.string().optional(),
    attempt: z.int().optional(),
    stream: z.enum(['stdout', 'stderr', 'progress', 'note']),
    host: z.string().optional(),
    line: z.string(),
    progress: Progress.optional(),
  })
  .meta({ id: 'LogLine' });
export type LogLine = z.infer<typeof LogLine>;
