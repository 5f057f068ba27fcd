import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The kind of operation that the program in one source file runs, and its steps; null when the file contains no program. */
export function stepsIn(source: string): { kind: string; steps: string[] } | null {
  const kind = /readonly kind(?:: string)? = '([^']+)'/.exec(source)?.[1];
  // Declared, or put together by the constructor.
  const list = /(?:readonly |this\.)steps\s*(?::[^=;]+)?=\s*\[([\s\S]*?)\]\s*(?:as const)?;/.exec(
    source,
  )?.[1];
  if (!kind || !list) return null;
  const steps = list.replace(/\/\/.*$/gm, '').matchAll(/'([^']+)'/g);
  return { kind, steps: [...steps].map(([, name = '']) => name) };
}

/** Every operation of the services, with its steps, from the programs themselves. */
export function programSteps(repository: string): Map<string, string[]> {
  const apps = join(repository, 'apps');
  const files = readdirSync(apps, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /^[^/]+\/src\/.*\.program\.ts$/.test(path),
  );
  const programs = new Map<string, string[]>();
  for (const file of files.sort()) {
    const found = stepsIn(readFileSync(join(apps, file), 'utf8'));
    if (!found) throw new Error(`${file}: no kind or no steps can be read`);
    programs.set(found.kind, found.steps);
  }
  return programs;
}
