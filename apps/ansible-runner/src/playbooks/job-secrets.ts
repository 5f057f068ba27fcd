import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { type PlaybookJob, ProblemError, revealSecrets } from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';

const askAgainMs = 1000;

/** Asks cluster-service for the secrets of a job's cluster. */
@Injectable()
export class JobSecrets {
  private readonly logger = new Logger(JobSecrets.name);

  constructor(private readonly requester: Requester) {}

  /**
   * The secrets by name. Keeps asking while cluster-service is down, until the job is stopped.
   * @throws ProblemError when it refuses, or did not answer before `stop`
   */
  async of({ id, secretsOf }: PlaybookJob, stop: AbortSignal): Promise<Record<string, string>> {
    if (!secretsOf) return {};
    for (;;) {
      try {
        return await this.requester.ask(revealSecrets, { clusterId: secretsOf, jobId: id });
      } catch (error) {
        const transient = error instanceof ProblemError && error.problem.status === 503;
        if (!transient || stop.aborted) throw error;
        this.logger.warn(`${id} waits for its secrets: ${error.message}`);
        await pause(askAgainMs, undefined, { signal: stop }).catch(() => undefined);
        if (stop.aborted) throw error;
      }
    }
  }
}
