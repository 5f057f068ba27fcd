/** When an operation of a site began and what it took, a line a step; a site that is driven by hand has no steps. */
export interface Took {
  ms: number;
  steps: string[];
}

/** A database under measurement: how it is backed up and restored in the way of this site. */
export interface BackupSite {
  readonly name: string;
  /** Makes the tables of pgbench; what that leaves to be written to the disk is written. */
  fill(scale: number): Promise<void>;
  /** Runs so many transactions of pgbench: what recovery has to do after the files are there. */
  load(transactions: number): Promise<void>;
  /** Makes a full backup. */
  backUp(): Promise<Took>;
  /** The database's clock, and everything up to it in the archive, with a commit after it. */
  archivedMoment(): Promise<string>;
  /**
   * Restores to a moment, or to everything that is archived, from the word to the first write that is accepted, and goes back to what was
   * there before, so that the next run restores the same.
   */
  restore(to: string | 'latest'): Promise<Took>;
  remove(): Promise<void>;
}
