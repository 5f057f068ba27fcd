export * from './cluster-access';
export * from './keys';
export * from './rest-client';
export * from './service-watch';
