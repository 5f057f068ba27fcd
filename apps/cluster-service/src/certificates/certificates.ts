import { Injectable } from '@nestjs/common';
import {
  clusterCertificateExpiring,
  clusterCertificateRenewed,
  platformCertificateExpiring,
  platformCertificateRenewed,
} from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import type { EntityManager } from 'typeorm';
import { CertificateEntity } from '../persistence/certificate.entity';
import { isExpiring } from './certificate-age';
import type { CertificatePlace, Validity } from './served-certificate';

/** A certificate that was checked. */
export type SeenCertificate = Pick<CertificatePlace, 'machine' | 'service'> & Validity;

/** Stores what is known about certificates and publishes their events. */
@Injectable()
export class Certificates {
  constructor(private readonly outbox: Outbox) {}

  /**
   * Stores the checked certificates. Publishes which ones were renewed, and once for each overdue certificate that it is
   * expiring.
   */
  async record(
    tx: EntityManager,
    clusterId: string | null,
    seen: SeenCertificate[],
    now: Date,
  ): Promise<void> {
    for (const { machine, service, notBefore, notAfter } of seen) {
      const known = await tx.findOne(CertificateEntity, {
        where: { machine, service },
        lock: { mode: 'pessimistic_write' },
      });
      const row = { machine, service, clusterId, notBefore, notAfter, seenAt: now };
      const renewed = !!known && notAfter > known.notAfter;
      const warnedAt = renewed ? null : (known?.warnedAt ?? null);
      await tx.upsert(CertificateEntity, { ...row, warnedAt }, ['machine', 'service']);
      if (renewed) await this.tellRenewed(tx, row);
    }
  }

  /** Warns about certificates past five sixths of their life, whether or not the last check reached them. */
  async warn(tx: EntityManager, clusterId: string | null, now: Date): Promise<void> {
    for (const row of await this.of(tx, clusterId))
      if (!row.warnedAt && isExpiring(row, now))
        await this.tellExpiring(tx, row, 'Its renewal has not succeeded.');
  }

  /** Publishes a failed renewal for each certificate that was due, unless it was published before. */
  async renewalFailed(tx: EntityManager, clusterId: string, until: Date, cause: string): Promise<void> {
    for (const row of await this.of(tx, clusterId))
      if (!row.warnedAt && row.notAfter < until) await this.tellExpiring(tx, row, cause);
  }

  of(tx: EntityManager, clusterId: string | null): Promise<CertificateEntity[]> {
    return tx
      .createQueryBuilder(CertificateEntity, 'certificate')
      .where('certificate.cluster_id is not distinct from :clusterId', { clusterId })
      .orderBy('certificate.machine')
      .addOrderBy('certificate.service')
      .getMany();
  }

  /** Deletes the certificates of machines that the cluster no longer has. */
  async forget(tx: EntityManager, clusterId: string | null, machines: readonly string[]): Promise<void> {
    await tx.query(
      'delete from certificates where cluster_id is not distinct from $1 and not machine = any($2)',
      [clusterId, machines],
    );
  }

  private async tellRenewed(
    tx: EntityManager,
    { clusterId, machine, service, notAfter }: Omit<CertificateEntity, 'warnedAt'>,
  ): Promise<void> {
    const data = { machine, service, notAfter: notAfter.toISOString() };
    if (clusterId)
      await this.outbox.publish(tx, clusterCertificateRenewed, clusterId, { ...data, clusterId });
    else await this.outbox.publish(tx, platformCertificateRenewed, service, data);
  }

  private async tellExpiring(
    tx: EntityManager,
    { clusterId, machine, service, notAfter }: CertificateEntity,
    cause: string,
  ): Promise<void> {
    await tx.update(CertificateEntity, { machine, service }, { warnedAt: new Date() });
    const data = { machine, service, notAfter: notAfter.toISOString(), cause };
    if (clusterId)
      await this.outbox.publish(tx, clusterCertificateExpiring, clusterId, { ...data, clusterId });
    else await this.outbox.publish(tx, platformCertificateExpiring, service, data);
  }
}
