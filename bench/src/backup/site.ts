/** When an operation of a site began and how long it took, with a line for each step; a site that is driven by hand has no steps. */
export interface Took {
  ms: number;
  steps: string[];
}

/** A database under measurement, with this site's way to back it up and restore it. */
export interface BackupSite {
  readonly name: string;
  /** Creates the tables of pgbench and flushes what that leaves to be written to the disk. */
  fill(scale: number): Promise<void>;
  load(transactions: number): Promise<void>;
  /** Creates a full backup. */
  backUp(): Promise<Took>;
  /** The database's clock, once everything up to it and a later commit are in the archive. */
  archivedMoment(): Promise<string>;
  /**
   * Restores to a moment, or to everything that is archived. Measures from the request to the first accepted write. Then returns
   * to the previous data, so that the next run restores the same.
   */
  restore(to: string | 'latest'): Promise<Took>;
  remove(): Promise<void>;
}
