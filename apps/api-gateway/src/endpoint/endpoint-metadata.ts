import { type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { EndpointContract } from '@pgfleet/contracts';

const key = 'pgfleet:endpoint';

/** Binds a contract to a controller method. */
export const setEndpoint = (contract: EndpointContract) => SetMetadata(key, contract);

/** The contract of the called method. */
export const endpointOf = (context: ExecutionContext): EndpointContract =>
  Reflect.getMetadata(key, context.getHandler()) as EndpointContract;
