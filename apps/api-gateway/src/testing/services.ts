import { Controller, type INestApplication, Module, type Type } from '@nestjs/common';
import {
  backupOperations,
  changeBackupPolicy,
  clusterOperations,
  confirmRestore,
  convertWal,
  createBackup,
  createCluster,
  createDrill,
  createRestorePoint,
  createUser,
  deleteBackup,
  deleteCluster,
  deleteUser,
  failover,
  getBackup,
  getBackupPolicy,
  getCluster,
  getClusterHealth,
  getCredentials,
  getHistory,
  getRecoveryWindow,
  getUser,
  getWal,
  listBackups,
  listDrills,
  listClusters,
  listLineages,
  listRestorePoints,
  listUsers,
  type RequestContract,
  restoreCluster,
  type ServiceName,
  switchover,
  replaceMember,
  rotateCredentials,
  undoRestore,
  updateCluster,
  updateUser,
} from '@pgfleet/contracts';
import { MessagingModule, OnRequest, startService } from '@pgfleet/messaging';
import type { Answers } from './answers';
import { adminUser } from './nats-users';

const contracts: RequestContract[] = [
  ...Object.values(clusterOperations),
  ...Object.values(backupOperations),
  ...[createUser, listUsers, getUser, updateUser, deleteUser],
  ...[
    createCluster,
    listClusters,
    getCluster,
    getCredentials,
    replaceMember,
    rotateCredentials,
    updateCluster,
    deleteCluster,
  ],
  ...[switchover, failover, getHistory],
  ...[restoreCluster, undoRestore, confirmRestore, listLineages],
  ...[listBackups, getBackup, createBackup, deleteBackup, getBackupPolicy, changeBackupPolicy],
  ...[createDrill, listDrills],
  ...[getRecoveryWindow, createRestorePoint, listRestorePoints, getWal, convertWal],
  getClusterHealth,
];

/** A controller that answers all requests of the gateway to the service. Contracts are checked as in production. */
const controllerFor = (service: ServiceName, answers: Answers): Type => {
  class AnsweringController {}
  for (const contract of contracts.filter((each) => each.service === service)) {
    const answer = {
      value: (input: unknown) => answers.give(contract, input),
      writable: true,
      configurable: true,
    };
    Object.defineProperty(AnsweringController.prototype, contract.name, answer);
    OnRequest(contract)(AnsweringController.prototype, contract.name, answer);
  }
  Controller()(AnsweringController);
  return AnsweringController;
};

/** A service on real NATS. The spec supplies its use cases. */
export const startAnswering = (
  service: ServiceName,
  natsUrl: string,
  answers: Answers,
): Promise<INestApplication> => {
  @Module({
    imports: [
      MessagingModule.forRoot({ service, nats: { servers: natsUrl, ...adminUser }, database: false }),
    ],
    controllers: [controllerFor(service, answers)],
  })
  class AnsweringModule {}
  return startService(AnsweringModule, { service, httpPort: 0 });
};
