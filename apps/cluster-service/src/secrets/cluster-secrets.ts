import { randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { nodeSecret } from '../etcd/cluster-keys';
import { SecretEntity } from '../persistence/cluster.entity';
import { SecretBox } from './secret-box';

/** The passwords that every cluster has. Each one is generated and belongs to one cluster only. */
export const secretNames = [
  'superuser',
  'replication',
  'rewind',
  'patroni_rest',
  'customer',
  'monitor',
  'pgbouncer_auth',
  'pooler',
  'etcd',
  'etcd_lb',
] as const;
export type SecretName = (typeof secretNames)[number];

/** A new password of the customer's role that is not in force yet. */
const nextPassword = 'customer_next';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** 32 letters and digits: 190 bits, and nothing that a configuration file would have to quote. */
export const generatePassword = (): string =>
  Array.from({ length: 32 }, () => alphabet[randomInt(alphabet.length)]).join('');

const context = (clusterId: string, name: string): string => `${clusterId}/${name}`;

@Injectable()
export class ClusterSecrets {
  constructor(
    private readonly box: SecretBox,
    private readonly database: DataSource,
  ) {}

  /** Generates the cluster's passwords in the transaction that creates the cluster. */
  async generate(tx: EntityManager, clusterId: string): Promise<void> {
    const rows = secretNames.map((name) => ({
      clusterId,
      name,
      sealed: this.box.seal(generatePassword(), context(clusterId, name)),
    }));
    await tx.createQueryBuilder().insert().into(SecretEntity).values(rows).orIgnore().execute();
  }

  /** A node's own password for etcd, generated on first use. */
  async ofNode(clusterId: string, machine: string): Promise<string> {
    const name = nodeSecret(machine);
    const sealed = this.box.seal(generatePassword(), context(clusterId, name));
    const rows = this.database.manager.createQueryBuilder().insert().into(SecretEntity);
    await rows.values({ clusterId, name, sealed }).orIgnore().execute();
    const row = await this.database.manager.findOneByOrFail(SecretEntity, { clusterId, name });
    return this.box.open(row.sealed, context(clusterId, name));
  }

  /** Generates passwords that the cluster lacks because an older release created it. */
  complete(clusterId: string): Promise<void> {
    return this.generate(this.database.manager, clusterId);
  }

  /** Chooses the next password of the customer's role. It takes effect once {@link takeNextPassword} has run. */
  async chooseNextPassword(tx: EntityManager, clusterId: string): Promise<void> {
    const sealed = this.box.seal(generatePassword(), context(clusterId, nextPassword));
    await tx.upsert(SecretEntity, { clusterId, name: nextPassword, sealed }, ['clusterId', 'name']);
  }

  async takeNextPassword(tx: EntityManager, clusterId: string): Promise<void> {
    const chosen = await tx.findOneByOrFail(SecretEntity, { clusterId, name: nextPassword });
    const password = this.box.open(chosen.sealed, context(clusterId, nextPassword));
    const sealed = this.box.seal(password, context(clusterId, 'customer'));
    await tx.update(SecretEntity, { clusterId, name: 'customer' }, { sealed });
    await tx.delete(SecretEntity, { clusterId, name: nextPassword });
  }

  async reveal(clusterId: string): Promise<Record<SecretName, string>> {
    const rows = await this.database.manager.findBy(SecretEntity, { clusterId });
    const secrets = Object.fromEntries(
      rows.map((row) => [row.name, this.box.open(row.sealed, context(clusterId, row.name))]),
    );
    return secrets as Record<SecretName, string>;
  }
}
