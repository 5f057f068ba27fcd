export { ArchivingNode, makeNodeFolder, type NodeOptions, pgbackrestConf } from './archiving-node';
export {
  type ApiDocument,
  type BadInput,
  badInputs,
  judgeRefusal,
  type RefusedWith,
  sendBadInput,
} from './bad-input';
export type { Etcd } from './etcd';
export { eventually } from './eventually';
export { freePort } from './free-port';
export { serversRoot } from './image';
export { type InImage, type Ran, runInImage, startInImage } from './in-image';
export { type Machines, startMachines } from './machines';
export type { Nats } from './nats';
export type { Postgres } from './postgres';
export { ProgramProcess } from './program-process';
export { SilentEndpoint } from './silent-endpoint';
export { StreamingReplica } from './streaming-replica';
export { startServices, type Services, type Wanted } from './start-services';
