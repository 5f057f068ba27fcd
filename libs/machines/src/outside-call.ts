/**
 * Runs an outbound call with a time limit, a circuit breaker and a metric. The call ends when `signal` fires. The service supplies the
 * implementation, so that this library depends on none. Refusals (no capacity, no such machine) are not errors of the call.
 */
export interface OutsideCalls {
  call<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

/** Only a time limit, no circuit breaker: for programs that are not services. */
export function timeLimited(milliseconds: number): OutsideCalls {
  return { call: (_what, work) => work(AbortSignal.timeout(milliseconds)) };
}
