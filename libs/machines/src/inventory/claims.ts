import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const claim = z.object({
  name: z.string(),
  role: z.string(),
  sshKeys: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
});

export type Claim = z.infer<typeof claim>;

/**
 * The claims on the machines of an inventory: a folder with one file per machine. link(2) creates a complete file atomically and fails
 * if it exists, so two services on one file system never claim the same machine. This needs no lock and no database.
 */
export class Claims {
  constructor(private readonly dir: string) {}

  /** All claims, by the machine's name in the inventory. */
  async all(): Promise<Map<string, Claim>> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    const files = (await readdir(this.dir)).filter((file) => file.endsWith('.json'));
    const entries = await Promise.all(
      files.map(async (file) => [file.slice(0, -5), await this.read(file)] as const),
    );
    return new Map(entries.filter((entry): entry is [string, Claim] => entry[1] !== undefined));
  }

  /** Machines that were given back and may still hold data. After wiping a machine, remove its file `<machine>.released`. */
  async released(): Promise<Set<string>> {
    const files = (await readdir(this.dir)).filter((file) => file.endsWith('.released'));
    return new Set(files.map((file) => file.slice(0, -'.released'.length)));
  }

  /** True if this call claimed the machine, false if another process was first. */
  async take(machine: string, wanted: Claim): Promise<boolean> {
    const draft = join(this.dir, `.${randomUUID()}`);
    await writeFile(draft, `${JSON.stringify(wanted, null, 2)}\n`, { mode: 0o600 });
    try {
      await link(draft, this.file(machine));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      await rm(draft);
    }
  }

  /** Removes a claim that was never used. */
  async undo(machine: string): Promise<void> {
    await rm(this.file(machine), { force: true });
  }

  /** Ends the claim. The machine cannot be claimed again until its `.released` file is removed. */
  async release(machine: string): Promise<void> {
    await rename(this.file(machine), join(this.dir, `${machine}.released`)).catch(ignoreAbsent);
  }

  private async read(file: string): Promise<Claim | undefined> {
    const text = await readFile(join(this.dir, file), 'utf8').catch(ignoreAbsent);
    return text === undefined ? undefined : claim.parse(JSON.parse(text));
  }

  private file(machine: string): string {
    return join(this.dir, `${machine}.json`);
  }
}

function ignoreAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}
