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
 * Who uses which machine of an inventory: a folder with a file per machine. A file is made whole and at once by link(2), which refuses
 * if there is one, so that two services (on one file system) never claim one machine. Nothing needs a lock or a database.
 */
export class Claims {
  constructor(private readonly dir: string) {}

  /** Claims by the machine's name in the inventory. */
  async all(): Promise<Map<string, Claim>> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    const files = (await readdir(this.dir)).filter((file) => file.endsWith('.json'));
    const entries = await Promise.all(
      files.map(async (file) => [file.slice(0, -5), await this.read(file)] as const),
    );
    return new Map(entries.filter((entry): entry is [string, Claim] => entry[1] !== undefined));
  }

  /** Machines that were given back and may still hold data: their file `<machine>.released` is removed by whoever wiped them. */
  async released(): Promise<Set<string>> {
    const files = (await readdir(this.dir)).filter((file) => file.endsWith('.released'));
    return new Set(files.map((file) => file.slice(0, -'.released'.length)));
  }

  /** True if the machine is claimed now, false if somebody else was first. */
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

  /** Takes back a claim that was never used. */
  async undo(machine: string): Promise<void> {
    await rm(this.file(machine), { force: true });
  }

  /** Ends the claim; the machine is not claimed again before somebody says that it is clean. */
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
