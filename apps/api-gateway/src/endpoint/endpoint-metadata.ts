import { type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { EndpointContract } from '@pgfleet/contracts';

const key = 'pgfleet:endpoint';

/** Binds a contract to a controller's method. */
export const setEndpoint = (contract: EndpointContract) => SetMetadata(key, contract);

/** The contract of the method that is being called. */
export const endpointOf = (context: ExecutionContext): EndpointContract =>
  Reflect.getMetadata(key, context.getHandler()) as EndpointContract;
