import { applyDecorators, UseFilters } from '@nestjs/common';
import { MessagePattern, Transport } from '@nestjs/microservices';
import { type RequestContract, requestSubject } from '@pgfleet/contracts';
import type { z } from 'zod';
import type { HandlerDecorator } from '../transport/handler-decorator';
import { KeepError } from '../transport/keep-error.filter';

type Answer<R extends RequestContract> = z.input<R['output']> | Promise<z.input<R['output']>>;

/**
 * Answers a request with what a controller's method returns. Input and output are parsed by the contract; a `ProblemError` is the
 * answer that the asker gets thrown, any other error becomes a 500 problem that says nothing of the inside, and is logged.
 */
export const OnRequest = <R extends RequestContract>(
  contract: R,
): HandlerDecorator<(input: z.output<R['input']>) => Answer<R>> =>
  applyDecorators(
    MessagePattern(requestSubject(contract), Transport.NATS, { contract }),
    UseFilters(KeepError),
  );
