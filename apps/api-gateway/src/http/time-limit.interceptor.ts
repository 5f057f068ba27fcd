import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { unavailable } from '@pgfleet/contracts';
import { catchError, type Observable, throwError, timeout, TimeoutError } from 'rxjs';

export const timeLimitMs = 15_000;

/** Bounds how long a request waits, whatever happens behind the gateway. An event stream answers at once and runs on independently. */
@Injectable()
export class TimeLimit implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      timeout(timeLimitMs),
      catchError((error: unknown) =>
        throwError(() =>
          error instanceof TimeoutError
            ? unavailable(`The services did not answer within ${timeLimitMs / 1000} s`)
            : error,
        ),
      ),
    );
  }
}
