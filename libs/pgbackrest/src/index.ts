export * from './commands';
export * from './exit-codes';
export * from './info';
