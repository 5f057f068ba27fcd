import CircuitBreaker from 'opossum';
import { Gauge, Histogram } from 'prom-client';

const seconds = new Histogram({
  name: 'pgfleet_outside_seconds',
  help: 'Duration of calls to outside systems. outcome: ok, error, timeout, rejected (the breaker was open).',
  labelNames: ['target', 'what', 'outcome'],
  buckets: [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30],
});
const open = new Gauge({
  name: 'pgfleet_outside_breaker_open',
  help: '1 while the breaker refuses calls to the target.',
  labelNames: ['target'],
});

const raised = new WeakSet<object>();

/** True for an error of a call to an outside system. Such an error says nothing about the service's own database. */
export const isFromOutside = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && raised.has(error);

/** An outside system did not answer in time, or its circuit breaker is open. */
export class OutsideUnavailable extends Error {
  constructor(
    readonly target: string,
    readonly reason: 'timeout' | 'open',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'OutsideUnavailable';
  }
}

export interface OutsideOptions {
  /** How long one call may take, in milliseconds. After that its signal is aborted and the call rejects. */
  timeoutMs: number;
  /** Percentage of failed calls in the last 10 s that opens the breaker, given at least 5 calls; default 50. */
  errorThresholdPercentage?: number;
  /** How long an open breaker refuses calls before it lets one through; default 5000 ms. */
  resetTimeoutMs?: number;
  /** Return false for errors that do not count against the system's health, such as a 404. By default all errors count. */
  isFault?: (error: unknown) => boolean;
}

type Work = (signal: AbortSignal) => Promise<unknown>;

/**
 * Calls one outside system with a timeout, a circuit breaker (opossum) and a metric. Create one per target and keep it.
 * @example new Outside('etcd', { timeoutMs: 5000 }).call('grant', (signal) => fetch(url, { signal }))
 */
export class Outside {
  private readonly breaker: CircuitBreaker<[Work], unknown>;

  constructor(
    readonly name: string,
    private readonly options: OutsideOptions,
  ) {
    const { errorThresholdPercentage = 50, resetTimeoutMs = 5000, isFault = () => true } = options;
    this.breaker = new CircuitBreaker((work: Work) => this.withinTime(work), {
      name,
      // Each call has its own timeout here. opossum's single abort controller would also abort other calls.
      timeout: false,
      errorThresholdPercentage,
      resetTimeout: resetTimeoutMs,
      volumeThreshold: 5,
      enableSnapshots: false,
      errorFilter: (error: unknown) => !(error instanceof OutsideUnavailable) && !isFault(error),
    });
    open.set({ target: name }, 0);
    this.breaker.on('open', () => open.set({ target: name }, 1));
    this.breaker.on('close', () => open.set({ target: name }, 0));
  }

  /**
   * @param what kind of call, as a metric label: few different values, no ids
   * @throws OutsideUnavailable on a timeout or an open breaker; rethrows the errors of `work`
   */
  async call<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const stop = seconds.startTimer({ target: this.name, what });
    try {
      const answer = await this.breaker.fire(work);
      stop({ outcome: 'ok' });
      return answer as T;
    } catch (error) {
      if (error instanceof Error && CircuitBreaker.isOurError(error)) {
        stop({ outcome: 'rejected' });
        const message = `${this.name} has failed too often; it is not asked for a moment`;
        const rejected = new OutsideUnavailable(this.name, 'open', message, { cause: error });
        raised.add(rejected);
        throw rejected;
      }
      stop({ outcome: error instanceof OutsideUnavailable ? 'timeout' : 'error' });
      if (typeof error === 'object' && error !== null) raised.add(error);
      throw error;
    }
  }

  /** Aborts the work on a timeout, and does not wait for work that ignores its signal. */
  private async withinTime(work: Work): Promise<unknown> {
    const timeout = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const message = `${this.name} did not answer within ${this.options.timeoutMs} ms`;
        const error = new OutsideUnavailable(this.name, 'timeout', message);
        reject(error);
        timeout.abort(error);
      }, this.options.timeoutMs);
    });
    try {
      return await Promise.race([work(timeout.signal), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
