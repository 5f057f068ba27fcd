/**
 * Runs what a process is there for. What it throws is said in one message, and ends the process: connections that are still open would
 * keep it alive, doing nothing, where systemd is to start it again.
 */
export function runProgram(main: () => Promise<unknown>): void {
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });
}
