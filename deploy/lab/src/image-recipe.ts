import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parsePackageList } from './package-list';

const RECIPE_DIR = join(__dirname, '..', 'image');

/** What an image is built from. The key names the result: different inputs, different key. */
export interface ImageRecipe {
  readonly key: string;
  readonly packages: readonly string[];
  readonly customize: string;
  readonly suite: string;
  readonly options: readonly string[];
}

const SUITE = 'trixie';

const OPTIONS = [
  '--mode=root',
  '--variant=apt',
  '--aptopt=APT::Install-Recommends "false"',
  '--aptopt=Acquire::Languages "none"',
  '--aptopt=Acquire::Retries "3"',
  '--dpkgopt=force-unsafe-io',
  // Keeps createcluster.conf as the hook below wrote it before the package was installed.
  '--dpkgopt=force-confold',
  '--dpkgopt=path-exclude=/usr/share/man/*',
  '--dpkgopt=path-exclude=/usr/share/doc/*',
  '--dpkgopt=path-exclude=/usr/share/locale/*',
  // Without logind no process may request it over D-Bus: systemctl poweroff then goes to PID 1 at once.
  '--dpkgopt=path-exclude=/usr/share/dbus-1/system-services/org.freedesktop.login1.service',
  // Installing PostgreSQL must not create a database: Patroni creates one where it is wanted.
  '--essential-hook=mkdir -p "$1/etc/postgresql-common" && echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"',
];

/** The recipe of the image `node`, from which every machine boots. */
export function imageRecipe(): ImageRecipe {
  const packages = parsePackageList(readFileSync(join(RECIPE_DIR, 'packages.txt'), 'utf8'));
  const customize = join(RECIPE_DIR, 'customize.sh');
  const inputs = {
    packages,
    options: OPTIONS,
    suite: SUITE,
    arch: process.arch,
    customize: readFileSync(customize, 'utf8'),
  };
  const key = `node-${createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 16)}`;
  return { key, packages, customize, suite: SUITE, options: OPTIONS };
}
