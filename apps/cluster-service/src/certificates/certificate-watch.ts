import { X509Certificate } from 'node:crypto';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ProblemError } from '@pgfleet/contracts';
import { Operations } from '@pgfleet/operations';
import { Gauge } from 'prom-client';
import { DataSource, type EntityManager } from 'typeorm';
import { CONFIG, type Config } from '../config';
import { CertificateEntity } from '../persistence/certificate.entity';
import { MachineEntity } from '../persistence/cluster.entity';
import { checkEveryMs, isDue, retryAfterMs } from './certificate-age';
import { placesOfNode, placesOfPlatform } from './certificate-places';
import { Certificates, type SeenCertificate } from './certificates';
import { servedCertificate, type CertificatePlace } from './served-certificate';

const expiresIn = new Gauge({
  name: 'pgfleet_certificate_expires_in_seconds',
  help: 'How long the certificate that a service serves is still valid; negative when it has expired.',
  labelNames: ['cluster', 'machine', 'certificate'],
});

/** The scope of certificates that belong to no cluster. */
const platform = 'platform';
const lookEveryMs = 2_000;
/** How many clusters one replica of the service checks per round. */
const atOnce = 10;

/**
 * Regularly checks every certificate of the clusters and the platform, as a client sees it, and starts the renewal of clusters'
 * certificates that are due. The controller renews the platform's certificates, because it has the key of their CA; this class
 * only watches them.
 */
@Injectable()
export class CertificateWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Certificates');
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly database: DataSource,
    private readonly certificates: Certificates,
    private readonly operations: Operations,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.plan();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.looking;
  }

  private plan(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.looking = this.look()
        .catch((error: Error) => this.logger.warn(`Could not check the certificates: ${error.message}`))
        .finally(() => this.plan());
    }, lookEveryMs);
  }

  private async look(): Promise<void> {
    for (const scope of await this.claim()) {
      if (this.stopped) return;
      await this.check(scope).catch((error: Error) =>
        this.logger.warn(`Could not check the certificates of ${scope}: ${error.message}`),
      );
    }
    await this.measure();
  }

  /** Claims the scopes that are due for a check. Another replica that claims at the same time gets different ones. */
  private async claim(): Promise<string[]> {
    await this.database.query(
      `insert into certificate_checks
       select id, now() from clusters where deleted_at is null and state in ('ready', 'degraded')
       union all select '${platform}', now() on conflict do nothing`,
    );
    await this.database.query(
      `delete from certificate_checks where scope <> '${platform}'
         and scope not in (select id from clusters where deleted_at is null)`,
    );
    await this.database.query(
      'delete from certificates where cluster_id in (select id from clusters where deleted_at is not null)',
    );
    const [claimed] = await this.database.query<[{ scope: string }[]]>(
      `update certificate_checks set due_at = now() + $1 * interval '1 millisecond'
       where scope in (
         select scope from certificate_checks where due_at <= now() order by due_at limit ${atOnce} for update skip locked)
       returning scope`,
      [checkEveryMs(this.config.PGFLEET_CERTIFICATE_LIFETIME_SECONDS)],
    );
    return claimed.map(({ scope }) => scope);
  }

  private async check(scope: string): Promise<void> {
    const clusterId = scope === platform ? null : scope;
    const places = clusterId ? await this.placesOf(clusterId) : this.placesOfPlatform();
    const seen = await this.seen(places);
    if (!clusterId) seen.push(...this.authorities());
    await this.database.transaction(async (tx) => {
      const now = new Date();
      const machines = [...places, ...(clusterId ? [] : this.authorities())].map(({ machine }) => machine);
      await this.certificates.forget(tx, clusterId, machines);
      await this.certificates.record(tx, clusterId, seen, now);
      await this.certificates.warn(tx, clusterId, now);
      if (clusterId) await this.renew(tx, clusterId, seen, now);
    });
  }

  private async placesOf(clusterId: string): Promise<CertificatePlace[]> {
    const nodes = await this.database.manager.findBy(MachineEntity, { clusterId, kind: 'node' });
    return nodes.flatMap((node) => placesOfNode(node));
  }

  private placesOfPlatform(): CertificatePlace[] {
    return placesOfPlatform({
      etcd: this.config.PGFLEET_ETCD_ENDPOINTS,
      nats: this.config.PGFLEET_NATS_URL,
      database: this.config.PGFLEET_CA_FILE ? this.config.PGFLEET_DATABASE_URL : '',
      objectStore: this.config.PGFLEET_S3_ENDPOINT,
    });
  }

  /** A service that does not answer is checked again next time; what is known about its certificate stays. */
  private async seen(places: CertificatePlace[]): Promise<SeenCertificate[]> {
    const looked = await Promise.allSettled(places.map((place) => servedCertificate(place)));
    return looked.flatMap((result, index) => {
      const { machine, service } = places[index]!;
      return result.status === 'fulfilled' ? [{ machine, service, ...result.value }] : [];
    });
  }

  /** The CAs themselves. Nothing renews them; replacing one is a runbook (docs/operations.md). */
  private authorities(): SeenCertificate[] {
    const known = {
      'clusters-ca': this.config.PGFLEET_CLUSTERS_CA_FILE,
      'platform-ca': this.config.platformAuthority,
    };
    return Object.entries(known)
      .filter(([, pem]) => pem.includes('BEGIN CERTIFICATE'))
      .map(([service, pem]) => {
        const { validFrom, validTo } = new X509Certificate(pem);
        return {
          machine: 'controller',
          service,
          notBefore: new Date(validFrom),
          notAfter: new Date(validTo),
        };
      });
  }

  /** Renews only certificates of machines that answered. A machine that is down gets its certificates when it is back. */
  private async renew(
    tx: EntityManager,
    clusterId: string,
    seen: SeenCertificate[],
    now: Date,
  ): Promise<void> {
    const due = seen.filter((certificate) => isDue(certificate, now));
    if (due.length === 0 || (await this.failedLately(tx, clusterId))) return;
    const until = new Date(Math.max(...due.map(({ notAfter }) => notAfter.getTime())) + 1_000);
    const machines = [...new Set(due.map(({ machine }) => machine))];
    try {
      await this.operations.start(tx, {
        kind: 'cluster.certificates',
        clusterId,
        input: { machines, until: until.toISOString() },
      });
      this.logger.log(`renewing certificates of ${clusterId} on ${machines.join(', ')}`);
    } catch (error) {
      // Another operation is changing the cluster. The next check finds the certificates due again.
      if (!(error instanceof ProblemError)) throw error;
    }
  }

  private async failedLately(tx: EntityManager, clusterId: string): Promise<boolean> {
    const failed = await tx.query<unknown[]>(
      `select from operation where cluster_id = $1 and kind = 'cluster.certificates' and state = 'failed'
         and ended_at > now() - $2 * interval '1 millisecond' limit 1`,
      [clusterId, retryAfterMs(this.config.PGFLEET_CERTIFICATE_LIFETIME_SECONDS)],
    );
    return failed.length > 0;
  }

  /** Every replica measures all certificates, so scraping any one of them shows the whole fleet. */
  private async measure(): Promise<void> {
    const rows = await this.database.manager.find(CertificateEntity);
    expiresIn.reset();
    for (const { clusterId, machine, service, notAfter } of rows)
      expiresIn.set(
        { cluster: clusterId ?? platform, machine, certificate: service },
        Math.round((notAfter.getTime() - Date.now()) / 1_000),
      );
  }
}
