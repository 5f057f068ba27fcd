import type { ProblemFault } from '@pgfleet/contracts';
import type { z } from 'zod';

type Fault = z.infer<typeof ProblemFault>;
type Issue = z.core.$ZodIssue;

/** Where a value is in the request. Paths into the body are JSON pointers; all other paths start with the place. */
export type Place = 'body' | 'query' | 'path' | 'header';

const maxFaults = 20;
/** The caller chooses the names of unknown fields, so the echoed path is bounded. */
const maxPath = 200;

const pointer = (place: Place, path: readonly PropertyKey[]): string => {
  const segments = path.map((key) => String(key).replaceAll('~', '~0').replaceAll('/', '~1'));
  const text =
    place === 'body' ? segments.map((segment) => `/${segment}`).join('') : [place, ...segments].join('/');
  return text.slice(0, maxPath);
};

/** One readable fault per wrong value, unknown field or wrong name. */
const faultsOfIssue = (place: Place, issue: Issue, base: readonly PropertyKey[] = []): Fault[] => {
  const path = [...base, ...issue.path];
  const fault = (message: string, at = path): Fault => ({ path: pointer(place, at), message });
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => fault('is not a known field', [...path, key]));
    case 'invalid_key':
      return issue.issues.map((inner) => fault(inner.message));
    case 'invalid_element':
      return issue.issues.flatMap((inner) => faultsOfIssue(place, inner, path));
    default:
      return [
        fault(
          issue.input === undefined && /received undefined/.test(issue.message)
            ? 'is missing'
            : issue.message,
        ),
      ];
  }
};

export const faultsOf = (place: Place, error: z.ZodError): Fault[] =>
  error.issues.flatMap((issue) => faultsOfIssue(place, issue)).slice(0, maxFaults);
