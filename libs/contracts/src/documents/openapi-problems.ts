import type { EndpointContract } from '../endpoints';
import type { JsonSchema } from './json-schema';

const response = (description: string, headers: JsonSchema = {}): JsonSchema => ({
  description,
  ...(Object.keys(headers).length > 0 && { headers }),
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});

const header = (description: string, type = 'string'): JsonSchema => ({ description, schema: { type } });

/** The problems that an endpoint can answer with: its own refusals, and those that follow from its inputs. */
export const problemResponses = (
  { open, method, refusals }: EndpointContract,
  takesBody: boolean,
): Record<string, JsonSchema> => {
  const own = Object.fromEntries(Object.entries(refusals).map(([status, why]) => [status, response(why)]));
  const keyReused = 'The Idempotency-Key was used for another request.';
  return {
    400: response(
      'A parameter, a header or the body is not valid; `errors` says which, and what is allowed.',
    ),
    ...(!open && {
      401: response('The token is missing or not valid.', {
        'WWW-Authenticate': header('how to authenticate'),
      }),
      503: response(
        'A required service does not answer. Send the request again with the same Idempotency-Key.',
        {
          'Retry-After': header('seconds to wait', 'integer'),
        },
      ),
    }),
    ...(takesBody && {
      413: response('The body is larger than 64 KiB.'),
      415: response('The body is not application/json in UTF-8.'),
    }),
    ...own,
    ...(method === 'POST' && { 422: response([refusals[422], keyReused].filter(Boolean).join(' ')) }),
    default: response('Any other problem.'),
  };
};
