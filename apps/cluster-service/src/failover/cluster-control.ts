import { Inject, Injectable } from '@nestjs/common';
import { Outside } from '@pgfleet/observability';
import {
  askForBlockers,
  changeConfiguration,
  dropMemberSlot,
  forgetHistory,
  giveLead,
  isLeadKept,
  orderFailover,
  orderSwitchover,
  readCluster,
  recordLineage,
  releaseLead,
  revokeLease,
  stopAskingForBlockers,
  watchCluster,
  withdrawFailover,
  withdrawSwitchover,
  type BlockersOrder,
  type ClusterSight,
  type PlannedSwitchover,
} from '@pgfleet/patroni';
import type { Etcd3 } from 'etcd3';
import { ETCD } from '../etcd/etcd-connection';

/** Reads a cluster's state from etcd and gives orders there to its Patroni and its nodes' agents. */
@Injectable()
export class ClusterControl {
  private readonly outside = new Outside('etcd-control', { timeoutMs: 5_000 });

  constructor(@Inject(ETCD) private readonly etcd: Etcd3) {}

  sight(clusterId: string): Promise<ClusterSight> {
    return this.outside.call('sight', () => readCluster(this.etcd, clusterId));
  }

  /** Looks after every change until `look` returns something; undefined if it does not in time. */
  watch<T>(
    clusterId: string,
    look: (sight: ClusterSight) => T | undefined,
    limits: { withinMs: number; signal: AbortSignal },
  ): Promise<T | undefined> {
    return watchCluster(this.etcd, clusterId, look, limits);
  }

  order(clusterId: string, order: PlannedSwitchover): Promise<void> {
    return this.outside.call(order.phase, () => orderSwitchover(this.etcd, clusterId, order));
  }

  askForBlockers(clusterId: string, order: BlockersOrder): Promise<void> {
    return this.outside.call('ask for blockers', () => askForBlockers(this.etcd, clusterId, order));
  }

  stopAskingForBlockers(clusterId: string): Promise<void> {
    return this.outside.call('stop asking for blockers', () => stopAskingForBlockers(this.etcd, clusterId));
  }

  withdraw(clusterId: string): Promise<void> {
    return this.outside.call('withdraw', () => withdrawSwitchover(this.etcd, clusterId));
  }

  /** See revokeLease: only for a leader that is proven to be off. */
  depose(clusterId: string, leader: string): Promise<boolean> {
    return this.outside.call('depose', () => revokeLease(this.etcd, clusterId, leader));
  }

  orderFailover(clusterId: string, candidate: string): Promise<void> {
    return this.outside.call('order failover', () => orderFailover(this.etcd, clusterId, candidate));
  }

  withdrawFailover(clusterId: string): Promise<void> {
    return this.outside.call('withdraw failover', () => withdrawFailover(this.etcd, clusterId));
  }

  /** See forgetHistory: only while no Patroni of the cluster runs. */
  forgetHistory(clusterId: string): Promise<void> {
    return this.outside.call('forget history', () => forgetHistory(this.etcd, clusterId));
  }

  /** See dropMemberSlot. False if the slot still exists after that time. */
  dropSlot(
    clusterId: string,
    member: string,
    limits: { withinMs: number; signal: AbortSignal },
  ): Promise<boolean> {
    return dropMemberSlot(this.etcd, clusterId, member, limits);
  }

  /** See giveLead. Returns the holder of the lock afterwards. */
  giveLead(clusterId: string, member: string): Promise<string | null> {
    return this.outside.call('give lead', () => giveLead(this.etcd, clusterId, member));
  }

  /** Whether no member can take the lead: see lead-lock.ts. */
  isLeadKept(clusterId: string): Promise<boolean> {
    return this.outside.call('is lead kept', () => isLeadKept(this.etcd, clusterId));
  }

  releaseLead(clusterId: string): Promise<void> {
    return this.outside.call('release lead', () => releaseLead(this.etcd, clusterId));
  }

  /** See recordLineage. */
  recordLineage(clusterId: string, mark: string | null): Promise<void> {
    return this.outside.call('record lineage', () => recordLineage(this.etcd, clusterId, mark));
  }

  configure(clusterId: string, settings: Record<string, unknown>): Promise<boolean> {
    return this.outside.call('configure', () => changeConfiguration(this.etcd, clusterId, settings));
  }
}
