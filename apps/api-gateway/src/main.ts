import 'reflect-metadata';
import { runProgram } from '@pgfleet/observability';
import { readConfig } from './config';
import { startGateway } from './start-gateway';

runProgram(() => startGateway(readConfig()));
