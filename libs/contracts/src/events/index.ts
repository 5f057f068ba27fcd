import * as backup from './backup-events';
import * as cluster from './cluster-events';
import * as job from './job-events';
import * as node from './node-events';
import * as operation from './operation-events';
import * as platform from './platform-events';
import * as user from './user-events';
import type { EventContract } from '../define-event';

export * from './backup-events';
export * from './cluster-events';
export * from './job-events';
export * from './node-events';
export * from './operation-events';
export * from './platform-events';
export * from './user-events';

const isContract = (value: unknown): value is EventContract =>
  typeof value === 'object' && value !== null && 'version' in value;

/** Every event of the platform, by name. Documents and handlers are built from this catalogue. */
export const eventCatalogue: ReadonlyMap<string, EventContract> = new Map(
  [user, cluster, operation, backup, node, job, platform]
    .flatMap((module) => Object.values<unknown>(module))
    .filter(isContract)
    .map((event) => [event.name, event]),
);
