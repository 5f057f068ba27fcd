import type { PlaybookJob, RestoreMarks } from '@pgfleet/contracts';
import type { JobOrder } from '@pgfleet/operations';
import { repositoryPath, verify } from '@pgfleet/pgbackrest';
import type { Config } from '../config';
import {
  restoreConfiguration,
  restoredHost,
  restoreCommand,
  restoreSeconds,
  type RestoreSite,
} from '../restore/restore-jobs';

const configureSeconds = 600;

/** Prepares a fresh machine to restore the lineage. The lineage's cluster has the key. */
export const prepareMachineJob = (
  site: RestoreSite,
  stanza: string,
  config: Config,
): Omit<PlaybookJob, 'id' | 'operationId' | 'step'> => ({
  kind: 'playbook',
  playbook: 'prove_restore.yml',
  groups: { nodes: [{ ...restoredHost(site), vars: {} }] },
  vars: {
    postgres_version: site.parts.cluster.postgresVersion,
    ca_certificate: `${config.platformAuthority}\n`,
    s3_endpoint: config.PGFLEET_S3_ENDPOINT,
    s3_bucket: config.PGFLEET_S3_BUCKET,
    s3_region: config.PGFLEET_S3_REGION,
    restore_source: { stanza, path: repositoryPath(stanza) },
  },
  secretsOf: site.parts.cluster.id,
  deadlineSeconds: configureSeconds,
});

/** Reads every object of the lineage in the repository. It does not run on a node, where customers would notice. */
export const verifyStoreJob = (site: RestoreSite, stanza: string): JobOrder => ({
  kind: 'command',
  host: restoredHost(site),
  runAs: 'postgres',
  argv: verify(stanza, restoreConfiguration),
  capture: true,
  deadlineSeconds: restoreSeconds,
});

/** Checks everything that was restored. */
export const proveJob = (site: RestoreSite, marks: RestoreMarks): JobOrder =>
  restoreCommand(site, restoreSeconds, 'prove', JSON.stringify(marks));

/** Deletes what was restored, so that the next restore can start. */
export const beginAgainJob = (site: RestoreSite): JobOrder => restoreCommand(site, configureSeconds, 'again');
