import { Inject, Injectable } from '@nestjs/common';
import type { Connection } from '@pgfleet/contracts';
import { Outside } from '@pgfleet/observability';
import { Client } from 'pg';
import { CONFIG, type Config } from '../config';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { opensWith } from '../secrets/scram-verifier';
import { poolerLogin } from './platform-login';

const answerMs = 2_000;

/**
 * Checks whether a password is the current one of a customer's role. A customer may change it with SQL, and then only they know
 * it.
 */
@Injectable()
export class PasswordInForce {
  private readonly outside = new Outside('cluster-password', { timeoutMs: answerMs, isFault: () => false });

  constructor(
    private readonly secrets: ClusterSecrets,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Returns null if the cluster does not answer. */
  async is(clusterId: string, { primary }: Connection, password: string): Promise<boolean | null> {
    try {
      const login = poolerLogin(primary, await this.secrets.reveal(clusterId));
      const verifier = await this.outside.call('verifier', () =>
        this.verifierOf(primary.user, { ...login, ssl: { ca: this.config.PGFLEET_CLUSTERS_CA_FILE } }),
      );
      return verifier !== null && (await opensWith(verifier, password));
    } catch {
      return null;
    }
  }

  /** Returns null for a role that cannot log in. */
  private async verifierOf(role: string, login: object): Promise<string | null> {
    const client = new Client({ ...login, connectionTimeoutMillis: answerMs, query_timeout: answerMs });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ passwd: string | null }>('select passwd from pgfleet.login($1)', [
        role,
      ]);
      return rows[0]?.passwd ?? null;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
