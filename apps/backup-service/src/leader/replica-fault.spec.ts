import { newId, type JobResult } from '@pgfleet/contracts';
import { replicaFault } from './replica-fault';

const result = (exitCode: number, message: string, output: string): JobResult => ({
  ...{ jobId: newId('job'), operationId: newId('op'), step: 'back_up_from_replica', state: 'failed' },
  ...{ exitCode, durationMs: 1, output, failures: [{ host: 'n2', task: 'pgbackrest', message }] },
});

describe('replicaFault', () => {
  it('gives the reason from the warning, not what is missing then', () => {
    const said =
      "P00   WARN: unable to check pg2: [AccessError] raised from remote-0 tls protocol on '10.0.0.1': access denied\n";
    expect(replicaFault(result(56, 'ERROR: [056]: unable to find primary cluster', said))).toBe(
      "n2: [AccessError] raised from remote-0 tls protocol on '10.0.0.1': access denied",
    );
  });

  it('gives what the exit code means where there is no warning', () => {
    expect(replicaFault(result(49, "ERROR: [049]: unable to connect to '10.0.0.1:8432'", ''))).toContain(
      "unable to connect to '10.0.0.1:8432'",
    );
    expect(replicaFault(result(255, 'No route to host', ''))).toContain('n2: No route to host');
  });
});
