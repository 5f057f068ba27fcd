import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Response } from 'express';
import { type Observable, tap } from 'rxjs';
import { endpointOf } from './endpoint-metadata';

/** Sets `Location` by the contract's template. */
@Injectable()
export class LocationHeader implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const contract = endpointOf(context);
    const template = contract.answer.location;
    if (!template) return next.handle();
    const response = context.switchToHttp().getResponse<Response>();
    return next
      .handle()
      .pipe(tap((made: { id: string }) => response.setHeader('Location', template.replace('{id}', made.id))));
  }
}
