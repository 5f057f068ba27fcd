import { Inject, Injectable } from '@nestjs/common';
import type { Machine, MachineProvider } from '@pgfleet/machines';
import type { EntityManager } from 'typeorm';
import { CONFIG, type Config } from '../config';
import { nodeUser } from '../etcd/cluster-keys';
import { MachineEntity, type ClusterEntity } from '../persistence/cluster.entity';
import { nextNode, planMachines, type PlannedMachine } from './machine-plan';

/** Token of the configured machine provider. */
export const MACHINE_PROVIDER = Symbol('machine provider');

export type OrderedMachine = PlannedMachine & { address: string; hostKey: string };

/** An nspawn machine boots in a second, a cloud server in less than a minute. After that the step runs again. */
const bootSeconds = 60;

/** Orders a cluster's machines from the provider and gives them back. */
@Injectable()
export class ClusterMachines {
  constructor(
    @Inject(MACHINE_PROVIDER) private readonly provider: MachineProvider,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  get providerName(): string {
    return this.provider.name;
  }

  /** Whether the provider can prove that a machine is off: labd can, a list of machines cannot. */
  get provesPower(): boolean {
    return this.provider.provesPower;
  }

  /** Whether the provider proves that the machine is off. */
  async isOff(name: string): Promise<boolean> {
    return this.provesPower && (await this.provider.power(name)).state === 'off';
  }

  /** Keeps a machine that is off from being switched on. Throws NotOff. */
  fence(name: string): Promise<void> {
    return this.provider.fence(name);
  }

  release(name: string): Promise<void> {
    return this.provider.release(name);
  }

  /** How many of the cluster's machines do not exist yet, and how many more the provider has room for. */
  async shortage(cluster: ClusterEntity): Promise<{ missing: number; room: number }> {
    const planned = planMachines(cluster.id, cluster.nodes);
    const existing = await Promise.all(planned.map(({ name }) => this.provider.get(name)));
    const { limit, used } = await this.provider.capacity();
    return { missing: existing.filter((machine) => !machine).length, room: limit - used };
  }

  /** Orders all machines at once and waits until each accepts ssh. Existing machines are used as they are. */
  async order(cluster: ClusterEntity): Promise<OrderedMachine[]> {
    return Promise.all(
      planMachines(cluster.id, cluster.nodes).map(async (planned) => {
        const machine = await this.make(planned, { cluster: cluster.id });
        return { ...planned, address: machine.address, hostKey: machine.hostKey };
      }),
    );
  }

  /** Removes every machine that the cluster may have, including those of a creation or replacement that stopped half-way. */
  async remove(cluster: ClusterEntity): Promise<void> {
    const planned = planMachines(cluster.id, nextNode(cluster));
    await Promise.all(planned.map(({ name }) => this.provider.destroy(name)));
  }

  /** Orders one more node. An existing machine is used as it is. */
  async orderNode(clusterId: string, name: string): Promise<OrderedMachine> {
    const { address, hostKey } = await this.make({ name, kind: 'node' }, { cluster: clusterId });
    return { name, kind: 'node', address, hostKey };
  }

  removeNode(name: string): Promise<void> {
    return this.provider.destroy(name);
  }

  /** Orders a machine that is not a member of a cluster. A lineage of that cluster is restored on it. */
  orderForProof(name: string, clusterId: string): Promise<Machine> {
    return this.make({ name, kind: 'node' }, { proof: clusterId });
  }

  removeForProof(name: string): Promise<void> {
    return this.provider.destroy(name);
  }

  async record(tx: EntityManager, clusterId: string, machines: OrderedMachine[]): Promise<void> {
    await tx.upsert(
      MachineEntity,
      machines.map((machine) => ({
        ...machine,
        clusterId,
        etcdUser: machine.kind === 'node' ? nodeUser(clusterId, machine.name) : null,
      })),
      ['name'],
    );
  }

  private async make({ name, kind }: PlannedMachine, labels: Record<string, string>): Promise<Machine> {
    const sshKeys = [this.config.PGFLEET_SSH_PUBLIC_KEY_FILE];
    return this.untilRunning(await this.provider.create({ name, role: kind, labels, sshKeys }));
  }

  private async untilRunning({ name }: Machine): Promise<Machine> {
    const machine = await this.provider.get(name, bootSeconds);
    if (machine?.state === 'running') return machine;
    const cause = machine?.bootFailure ? `; the end of its console: ${machine.bootFailure}` : '';
    throw new Error(
      `machine ${name} is ${machine?.state ?? 'gone'} instead of running after ${bootSeconds} s${cause}`,
    );
  }
}
