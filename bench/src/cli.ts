#!/usr/bin/env node
import { benchCreate } from './create';

const usage =
  'usage: npm run bench:create [-- --runs N]   (3 runs by default; uses the lab that npm start uses)\n';

async function main([name, ...args]: string[]): Promise<void> {
  if (name !== 'create' || args.includes('--help')) {
    process.stdout.write(usage);
    return;
  }
  const runs = args[0] === '--runs' ? Number(args[1]) : 3;
  if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs takes a whole number from 1');
  await benchCreate(runs);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
