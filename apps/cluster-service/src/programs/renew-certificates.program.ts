import { Inject, Injectable } from '@nestjs/common';
import type { OperationError } from '@pgfleet/contracts';
import {
  again,
  done,
  fail,
  next,
  Program,
  type OperationContext,
  Outcome,
  type StepContext,
} from '@pgfleet/operations';
import { DataSource, type EntityManager } from 'typeorm';
import { placesOfNode } from '../certificates/certificate-places';
import { Certificates } from '../certificates/certificates';
import { servedCertificate } from '../certificates/served-certificate';
import { ClusterRows } from '../clusters/cluster-rows';
import { CONFIG, type Config } from '../config';
import type { MachineEntity } from '../persistence/cluster.entity';
import { driveJob } from './drive-job';
import { Failure } from './explain-failed-job';

/** The machines with a certificate that is due. A certificate is kept only if it is valid until at least `until`. */
interface Renewal {
  machines: string[];
  until: string;
}
type Context = StepContext<Renewal>;

/** A service loads its new certificate within a second of its reload. */
const servedWithinMs = 60_000;

/** Renews a cluster's certificates, one machine after the other, while it serves: services reload, sessions stay. */
@Injectable()
export class RenewCertificates extends Program<Renewal> {
  readonly kind = 'cluster.certificates';
  readonly steps = ['renew', 'check'] as const;

  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly certificates: Certificates,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    super();
  }

  async renew(context: Context): Promise<Outcome> {
    const ran = await driveJob(context, async () => {
      const { nodes, balancers } = await this.machines(context);
      const host = ({ name, address, hostKey }: MachineEntity) => ({
        ...{ name, address, hostKey, user: 'root' },
        vars: { member_name: name },
      });
      return {
        kind: 'playbook',
        playbook: 'renew_certificates.yml',
        groups: { nodes: nodes.map(host), load_balancer: balancers.map(host) },
        vars: {
          certificate_lifetime_seconds: this.config.PGFLEET_CERTIFICATE_LIFETIME_SECONDS,
          certificate_keep_until: Math.ceil(Date.parse(context.input.until) / 1_000),
        },
        secretsOf: null,
        deadlineSeconds: 300,
      };
    });
    if (ran instanceof Failure) return ran.outcome;
    return ran instanceof Outcome ? ran : next();
  }

  /** Checks as a client would: a service that has not loaded its new certificate counts as not renewed. */
  async check(context: Context): Promise<Outcome> {
    const { clusterId, nodes } = await this.machines(context);
    const until = new Date(context.input.until);
    const places = nodes.flatMap((node) => placesOfNode(node));
    const looked = await Promise.allSettled(places.map((place) => servedCertificate(place)));
    const seen = looked.flatMap((result, index) => {
      const { machine, service } = places[index]!;
      return result.status === 'fulfilled' ? [{ machine, service, ...result.value }] : [];
    });
    const stale = seen.filter(({ notAfter }) => notAfter < until);
    if (stale.length === 0)
      return done().with((tx) => this.certificates.record(tx, clusterId, seen, new Date()));
    if (Date.now() - context.stepStartedAt.getTime() < servedWithinMs) return again(500);
    const names = stale.map(({ machine, service }) => `${service} on ${machine}`).join(', ');
    return fail(
      `After its renewal the old certificate is still served by ${names}.`,
      'Look at the journal of that service on its machine, reload it, then retry the operation.',
    );
  }

  override async onFailed(
    { clusterId, input }: OperationContext<Renewal>,
    error: OperationError,
    tx: EntityManager,
  ): Promise<void> {
    if (clusterId) await this.certificates.renewalFailed(tx, clusterId, new Date(input.until), error.cause);
  }

  private async machines({ clusterId, input }: OperationContext<Renewal>) {
    if (!clusterId) throw new Error('certificates without a cluster');
    const { machines } = await this.rows.partsOf(this.database.manager, clusterId);
    return {
      clusterId,
      nodes: machines.filter(({ name, kind }) => kind === 'node' && input.machines.includes(name)),
      balancers: machines.filter(({ kind }) => kind === 'load_balancer'),
    };
  }
}
