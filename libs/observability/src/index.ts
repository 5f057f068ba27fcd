export * from './env';
export * from './logger';
export * from './observability.module';
export * from './outside';
export * from './readiness';
export * from './run-program';
