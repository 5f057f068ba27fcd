import { applyDecorators, UseFilters } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { z } from 'zod';
import { JETSTREAM } from '../tokens';
import { KeepError } from './keep-error.filter';
import type { Feed, Work, WorkSubscription } from './subscription';

/**
 * Calls a controller's method for every message of a work queue. It is acknowledged when the method returns, and kept alive while it
 * runs. `RetryLater(ms)` brings it back after `ms`; another error with backoff, and after `maxDeliver` deliveries it goes to the
 * DEAD stream with the reason. A payload that does not match `schema` goes there at once.
 */
export const OnWork = <S extends z.ZodType>(
  options: Feed & { schema: S },
): ((
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<(payload: z.output<S>, work: Work) => Promise<unknown>>,
) => void) => {
  const subscription: WorkSubscription = { kind: 'work', ...options };
  return applyDecorators(
    EventPattern<string>(options.filter, JETSTREAM, { subscription }),
    UseFilters(KeepError),
  );
};
