export * from './cluster-access';
export * from './keys';
export * from './service-watch';
