import { z } from 'zod';
import { NodeName, StepName } from './api/fields';
import { OperationId } from './ids';

/** Progress of Ansible: the start of a play or task, the result of a task on a host, or the totals at the end. */
export const Progress = z.object({
  event: z.enum(['play', 'task', 'host', 'stats']),
  play: z.string().optional().meta({ example: 'Nodes' }),
  task: z.string().optional().meta({ example: 'postgres_node : converge' }),
  host: NodeName.optional(),
  status: z.enum(['ok', 'changed', 'failed', 'unreachable', 'skipped']).optional(),
  message: z.string().optional().meta({ example: '4 files changed' }),
  duration: z.number().optional().meta({ description: 'seconds' }),
});
export type Progress = z.infer<typeof Progress>;

/** One line of an operation's log, on `logs.<operationId>`. */
export const LogLine = z
  .object({
    time: z.iso.datetime(),
    operationId: OperationId,
    step: StepName,
    jobId: z.string().optional().meta({ example: 'job_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55' }),
    attempt: z.int().optional(),
    stream: z.enum(['stdout', 'stderr', 'progress', 'note']),
    host: NodeName.optional(),
    line: z.string().meta({ example: 'TASK [postgres_node : converge]' }),
    progress: Progress.optional(),
    raw: z.literal(true).optional().meta({
      description: 'output of the program itself; its `progress` lines say the same in fewer words',
    }),
  })
  .meta({ id: 'LogLine' });
export type LogLine = z.infer<typeof LogLine>;
