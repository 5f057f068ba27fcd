import { applyDecorators, UseFilters } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { JETSTREAM } from '../tokens';
import { KeepError } from './keep-error.filter';
import type { Subscription } from './subscription';

/** Nest gives a handler the payload only, unless its parameters are decorated: ours take the transport's second argument too. */
const bothArguments: MethodDecorator = (target, key) => {
  Payload()(target, key, 0);
  Ctx()(target, key, 1);
};

/** Makes a method the handler of a subject of the JetStream transport. */
export const handleWith = (subject: string, subscription: Subscription): MethodDecorator =>
  applyDecorators(
    bothArguments,
    EventPattern<string>(subject, JETSTREAM, { subscription }),
    UseFilters(KeepError),
  );
