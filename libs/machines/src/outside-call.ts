/**
 * Runs a call to the outside with a time limit, a breaker and a metric; the call ends when `signal` fires. The service brings it, so
 * that this library depends on none. Answers that refuse (no room, no such machine) do not reach it as errors: they are no fault.
 */
export interface OutsideCalls {
  call<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

/** Only a time limit, no breaker: for programs that are no service. */
export function timeLimited(milliseconds: number): OutsideCalls {
  return { call: (_what, work) => work(AbortSignal.timeout(milliseconds)) };
}
