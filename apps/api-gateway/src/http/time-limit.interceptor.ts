import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { unavailable } from '@pgfleet/contracts';
import { catchError, type Observable, throwError, timeout, TimeoutError } from 'rxjs';

export const timeLimitMs = 15_000;

/** No request waits longer, whatever happens behind the gateway. An event stream is answered at once and lives on by itself. */
@Injectable()
export class TimeLimit implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      timeout(timeLimitMs),
      catchError((error: unknown) =>
        throwError(() =>
          error instanceof TimeoutError
            ? unavailable(`There was no answer within ${timeLimitMs / 1000} s`)
            : error,
        ),
      ),
    );
  }
}
