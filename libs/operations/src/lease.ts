import { leaseMs } from './claim';

type Renew = () => Promise<{ cancelRequested: boolean } | null>;

const renewEveryMs = 3_000;

/**
 * Renews a claim while its step runs. `signal` is aborted when the claim is lost (or could not be renewed for as long as it lasts),
 * when the operation is to be cancelled, and when the process stops.
 */
export class Lease {
  lost = false;
  cancelRequested = false;
  readonly signal: AbortSignal;
  private readonly ended = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private renewedAt = performance.now();

  constructor(
    private readonly renew: Renew,
    stopping: AbortSignal,
  ) {
    this.signal = AbortSignal.any([this.ended.signal, stopping]);
    this.timer = setInterval(() => void this.tick(), renewEveryMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async tick(): Promise<void> {
    const at = performance.now();
    try {
      const renewed = await this.renew();
      if (!renewed) {
        this.lost = true;
        this.ended.abort(new Error('the claim was lost'));
        return;
      }
      this.renewedAt = at;
      if (renewed.cancelRequested) {
        this.cancelRequested = true;
        this.ended.abort(new Error('the operation is to be cancelled'));
      }
    } catch {
      // The database is away. Another process cannot claim the step either; what it is worth is told by the commit.
      if (at - this.renewedAt > leaseMs) this.ended.abort(new Error('the claim could not be renewed'));
    }
  }
}
