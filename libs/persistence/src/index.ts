export { isConnectionLost, isDatabaseGone } from './database-gone';
export { migrate } from './migrate';
export { migrateProgram } from './migrate-program';
export { openDatabase, untilDatabaseAnswers } from './open-database';
export { dataSourceOptions, type PersistenceOptions } from './persistence-options';
export { PersistenceModule } from './persistence.module';
export { rows } from './rows';
