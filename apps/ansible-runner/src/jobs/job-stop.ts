import type { StopReason } from './execution';

/** Why a job must stop: the first reason counts. */
export class JobStop {
  private readonly controller = new AbortController();
  private readonly undo: (() => void)[] = [];

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get reason(): StopReason | undefined {
    return this.signal.aborted ? (this.signal.reason as StopReason) : undefined;
  }

  because(reason: StopReason): void {
    if (!this.signal.aborted) this.controller.abort(reason);
  }

  whenAborted(signal: AbortSignal, reason: StopReason): void {
    const listener = () => this.because(reason);
    if (signal.aborted) listener();
    signal.addEventListener('abort', listener, { once: true });
    this.onEnd(() => signal.removeEventListener('abort', listener));
  }

  /** `moment` in ms since the epoch. */
  at(moment: number, reason: StopReason): void {
    const left = moment - Date.now();
    if (left <= 0) return this.because(reason);
    const timer = setTimeout(() => this.because(reason), left);
    this.onEnd(() => clearTimeout(timer));
  }

  onEnd(undo: () => void): void {
    this.undo.push(undo);
  }

  /** Stops watching for reasons. */
  end(): void {
    for (const undo of this.undo.splice(0)) undo();
  }
}
