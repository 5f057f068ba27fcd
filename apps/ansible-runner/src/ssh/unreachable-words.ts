/** One wording for playbooks and commands, by which a reader (and the remedy) tells a lost machine from a failed task. */
export const unreachableWords = (reason: string): string =>
  `the machine is unreachable over ssh: ${reason.trim() || 'no reason was given'}`;
