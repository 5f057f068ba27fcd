import { Injectable } from '@nestjs/common';
import type { JobResult } from '@pgfleet/contracts';
import { JobOutputs, OutputLost } from '@pgfleet/messaging';
import type { SignalRow } from './operation-row';

/** Gives steps the results of jobs with their output, wherever that is kept. */
@Injectable()
export class JobSignals {
  constructor(private readonly outputs: JobOutputs) {}

  /** A result whose output is lost is one of a failed job, so that no step takes a part for the whole. */
  complete(signals: readonly SignalRow[]): Promise<SignalRow[]> {
    return Promise.all(
      signals.map(async (signal) =>
        isKeptElsewhere(signal) ? { ...signal, payload: await this.withOutput(signal.payload) } : signal,
      ),
    );
  }

  private async withOutput(result: JobResult): Promise<JobResult> {
    try {
      const output = await this.outputs.read(result);
      return { ...result, output: output?.toString('utf8') ?? null };
    } catch (error) {
      if (!(error instanceof OutputLost)) throw error;
      if (result.state !== 'succeeded') return result;
      const lost = { host: 'ansible-runner', task: 'output', message: error.message };
      return { ...result, state: 'failed', failures: [lost] };
    }
  }
}

const isKeptElsewhere = (signal: SignalRow): signal is SignalRow & { payload: JobResult } =>
  signal.name === 'job' && (signal.payload as Partial<JobResult> | null)?.outputObject !== undefined;
