export { ApiClient, ApiRefusal } from './api-client';
export { ControlMachine } from './control-machine';
export { followEvents } from './follow-events';
export { followOperation, stepTimes } from './follow-operation';
export { bringUp, type Platform } from './start';
export { platformAccess } from './platform-access';
export { platformStatus } from './status';
export { repository } from './repository';
export { say, timed } from './report';
