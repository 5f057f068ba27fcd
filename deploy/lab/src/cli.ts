#!/usr/bin/env node
import { runLabCommand } from './lab-command';

void runLabCommand(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
