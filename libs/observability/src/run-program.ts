/**
 * Runs the main function of a process. If it throws, prints the message and exits. Otherwise open connections would keep the process
 * alive without work, and systemd would not restart it.
 */
export function runProgram(main: () => Promise<unknown>): void {
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });
}
