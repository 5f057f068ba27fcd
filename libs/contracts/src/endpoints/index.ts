import * as backups from './backup-endpoints';
import * as clusters from './cluster-endpoints';
import type { EndpointContract } from './define-endpoint';
import * as operations from './operation-endpoints';
import * as platform from './platform-endpoints';
import * as users from './user-endpoints';

export * from './backup-endpoints';
export * from './cluster-endpoints';
export * from './define-endpoint';
export * from './operation-endpoints';
export * from './platform-endpoints';
export * from './user-endpoints';

const isEndpoint = (value: unknown): value is EndpointContract =>
  typeof value === 'object' && value !== null && 'method' in value && 'answer' in value;

/** Sorts by path, then create, read, change, delete. The order of a module's exports depends on the compiler. */
const methods = ['POST', 'GET', 'PUT', 'DELETE'];
const byRoute = (a: EndpointContract, b: EndpointContract): number =>
  a.path === b.path ? methods.indexOf(a.method) - methods.indexOf(b.method) : a.path < b.path ? -1 : 1;

/** Every endpoint of the public API. */
export const endpointCatalogue: readonly EndpointContract[] = [
  users,
  clusters,
  backups,
  operations,
  platform,
].flatMap((module) => Object.values<unknown>(module).filter(isEndpoint).sort(byRoute));
