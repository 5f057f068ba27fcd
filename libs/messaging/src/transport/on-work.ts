import type { z } from 'zod';
import { handleWith } from './handle-with';
import type { HandlerDecorator } from './handler-decorator';
import type { Feed, Work, WorkSubscription } from './subscription';

/**
 * Calls a controller's method for every message of a work queue. It is acknowledged when the method returns, and kept alive while it
 * runs. `RetryLater(ms)` brings it back after `ms`; another error with backoff, and after `maxDeliver` deliveries it goes to the
 * DEAD stream with the reason. A payload that does not match `schema` goes there at once.
 */
export const OnWork = <S extends z.ZodType>(
  options: Feed & { schema: S },
): HandlerDecorator<(payload: z.output<S>, work: Work) => Promise<unknown>> => {
  const subscription: WorkSubscription = { kind: 'work', ...options };
  return handleWith(options.filter, subscription);
};
