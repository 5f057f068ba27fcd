import { type ApiDocument, type BadInput, endpointsOf } from './bad-input';
import { bodyCases } from './body-cases';
import { rawCases } from './raw-cases';
import { headerCases, pathCases, queryCases, tokenCases } from './request-cases';
import { methodCases, nearbyPaths, strangePaths } from './route-cases';

export type { ApiDocument, BadInput } from './bad-input';
export { judgeRefusal } from './judge-refusal';
export { type RefusedWith, sendBadInput } from './send-bad-input';

/**
 * Bad input for every endpoint of an API, built from its OpenAPI document: whatever the schemas do not allow, in every place, and
 * whatever HTTP does not allow. No request changes anything: each is refused before it reaches a use case, or names an id that
 * does not exist.
 */
export const badInputs = (document: ApiDocument, token: string): BadInput[] => {
  const endpoints = endpointsOf(document, token);
  return [
    ...endpoints.flatMap((endpoint) => [
      ...tokenCases(endpoint),
      ...pathCases(endpoint),
      ...queryCases(endpoint, document),
      ...headerCases(endpoint, document),
      ...bodyCases(endpoint, document),
      ...nearbyPaths(endpoint),
    ]),
    ...methodCases(endpoints, document),
    ...strangePaths(token),
    ...rawCases(token),
  ];
};
