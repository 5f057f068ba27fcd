import { applyDecorators, HttpCode, RequestMapping, RequestMethod, UseInterceptors } from '@nestjs/common';
import type { EndpointContract } from '@pgfleet/contracts';
import { setEndpoint } from './endpoint-metadata';
import { LocationHeader } from './location-header.interceptor';

/** Serves an endpoint of the API with a controller method. The contract determines route, status and `Location`. */
export const Endpoint = (contract: EndpointContract): MethodDecorator =>
  applyDecorators(
    RequestMapping({
      method: RequestMethod[contract.method],
      path: contract.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    }),
    HttpCode(contract.answer.status),
    setEndpoint(contract),
    UseInterceptors(LocationHeader),
  );
