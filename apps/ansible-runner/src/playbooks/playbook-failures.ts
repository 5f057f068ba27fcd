import type { JobResult, Progress } from '@pgfleet/contracts';
import { exitWords } from '../process/exit-words';
import { unreachableWords } from '../ssh/unreachable-words';

type Failure = JobResult['failures'][number];

/** The length of one failure as a person reads it; the log has all of it. */
const messageLimit = 2000;
const failureLimit = 50;
const errorLines = 12;

/** Names the place of the failure when no machine failed: Ansible's own name for where it runs. */
export const controlNode = 'control node';

/** Ansible phrases this in several ways; ssh's own message comes last in each. */
const unreachable = (message = ''): string =>
  unreachableWords(message.replace(/^.*?(reached over|host via) ssh: /s, ''));

/** Collects why a playbook failed, in words for a person. */
export class PlaybookFailures {
  private readonly failures: Failure[] = [];
  private readonly errors: string[] = [];

  onProgress({ status, host, task, message }: Progress): void {
    if (status !== 'failed' && status !== 'unreachable') return;
    const words = status === 'unreachable' ? unreachable(message) : message || 'failed without a message';
    this.add({ host: host ?? controlNode, task: task || 'connect', message: words });
  }

  /** On standard error Ansible reports what kept it from running anything: a syntax error, a missing variable file. */
  onStderr(line: string): void {
    if (line.trim() === '' || line.startsWith('[WARNING]') || line.startsWith('[DEPRECATION')) return;
    this.errors.push(line);
    if (this.errors.length > errorLines) this.errors.shift();
  }

  of(exitCode: number): Failure[] {
    if (exitCode === 0) return [];
    if (this.failures.length > 0) return this.failures;
    const said = this.errors.join('\n').replace(/^\[?ERROR\]?[:!]*\s*/, '');
    const message = (said || `ansible-playbook ${exitWords(exitCode)} and said nothing`).slice(
      0,
      messageLimit,
    );
    return [{ host: controlNode, task: 'ansible-playbook', message }];
  }

  private add(failure: Failure): void {
    if (this.failures.length >= failureLimit) return;
    this.failures.push({ ...failure, message: failure.message.slice(0, messageLimit) });
  }
}
