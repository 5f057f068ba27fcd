export * from './archive-runs';
export * from './commands';
export * from './exit-codes';
export * from './info';
export * from './restore';
export * from './store-contents';
export { repositoryPath } from './stanza-name';
export { tellProgress } from './tell-progress';
export * from './verify';
