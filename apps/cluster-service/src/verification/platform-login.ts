import type { Endpoint } from '@pgfleet/contracts';
import type { z } from 'zod';
import type { ClusterSecrets } from '../secrets/cluster-secrets';

type Place = z.infer<typeof Endpoint>;
export type Login = Pick<Place, 'host' | 'port' | 'database' | 'user'> & { password: string };

/** The platform's own database on every cluster. pg_hba.conf refuses it to customers, so they own nothing in it. */
export const platformDatabase = 'postgres';

/** PgBouncer's own login. It may only ask for the verifiers of customers' roles. */
export const poolerLogin = (
  { host, port }: Place,
  { pgbouncer_auth: password }: Pick<Awaited<ReturnType<ClusterSecrets['reveal']>>, 'pgbouncer_auth'>,
): Login => ({ host, port, database: platformDatabase, user: 'pgbouncer_auth', password });

/** The login that the platform verifies a cluster with. Nothing that a customer does with SQL changes its rights. */
export const platformLogin = (
  { host, port }: Place,
  { monitor: password }: Pick<Awaited<ReturnType<ClusterSecrets['reveal']>>, 'monitor'>,
): Login => ({ host, port, database: platformDatabase, user: 'pgfleet_monitor', password });
