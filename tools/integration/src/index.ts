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
export { serversRoot } from './image';
export { type InImage, type Ran, runInImage, startInImage } from './in-image';
export { type Machines, startMachines } from './machines';
export type { Nats } from './nats';
export type { Postgres } from './postgres';
export { ProgramProcess } from './program-process';
export { startServices, type Services, type Wanted } from './start-services';
