import 'reflect-metadata';
import { migrateProgram } from '@pgfleet/persistence';
import { databaseOptions } from './persistence/database-options';

migrateProgram(databaseOptions);
