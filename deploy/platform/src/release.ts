import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { say } from './report';
import { repository } from './repository';
import { mustRun } from './run-program';

export interface Release {
  /** Hash of the release's entire content. */
  key: string;
  file: string;
}

const projects = ['apps', 'libs'].flatMap((kind) =>
  readdirSync(join(repository, kind)).map((name) => join(kind, name)),
);

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesUnder(path) : [path];
  });

/** What the services run: compiled code without tests, and its accompanying files. */
const isShipped = (path: string): boolean =>
  !/(\/testing\/.*|\.spec\.js|\.spec\.d\.ts|\.js\.map|tsbuildinfo)$/.test(relative(repository, path));

const shippedFiles = (): string[] =>
  projects
    .flatMap((project) => ['dist', 'bin'].map((folder) => join(repository, project, folder)))
    .filter((folder) => existsSync(folder))
    .flatMap(filesUnder)
    .filter(isShipped);

const manifests = (): string[] => [
  join(repository, 'package.json'),
  join(repository, 'package-lock.json'),
  ...JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')).workspaces.flatMap(
    (pattern: string) => {
      const folder = join(repository, pattern.replace('/*', ''));
      const candidates = pattern.endsWith('/*')
        ? readdirSync(folder).map((name) => join(folder, name))
        : [folder];
      return candidates
        .map((candidate) => join(candidate, 'package.json'))
        .filter((path) => existsSync(path));
    },
  ),
];

const hashOf = (files: string[]): string => {
  const hash = createHash('sha256');
  for (const file of files.sort())
    hash.update(relative(repository, file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex').slice(0, 16);
};

const copyTo = (target: string, files: string[]): void => {
  for (const file of files) {
    const destination = join(target, relative(repository, file));
    mkdirSync(dirname(destination), { recursive: true });
    cpSync(file, destination);
  }
};

/** The production packages, installed once per lock file and cached. */
async function dependencies(cache: string): Promise<string> {
  const files = manifests();
  const folder = join(cache, `dependencies-${hashOf(files)}`);
  if (existsSync(folder)) return folder;
  say('installing the packages of the release');
  const building = `${folder}.${process.pid}`;
  copyTo(building, files);
  const args = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await mustRun('npm', args, { cwd: building });
  renameSync(building, folder);
  return folder;
}

/** Keeps only the newest few entries of a kind in the cache. */
function prune(cache: string, prefix: string, keep: number): void {
  readdirSync(cache)
    .filter((name) => name.startsWith(prefix))
    .map((name) => ({ path: join(cache, name), time: statSync(join(cache, name)).mtimeMs }))
    .sort((a, b) => b.time - a.time)
    .slice(keep)
    .forEach(({ path }) => rmSync(path, { recursive: true, force: true }));
}

/** Packs the five services and the packages that they need into one tarball, as a production install uses it. */
export async function packRelease(cacheDir: string): Promise<Release> {
  const cache = join(cacheDir, 'releases');
  mkdirSync(cache, { recursive: true });
  const shipped = shippedFiles();
  const key = hashOf([...manifests(), ...shipped]);
  const file = join(cache, `release-${key}.tar.gz`);
  if (existsSync(file)) return { key, file };
  const packages = await dependencies(cache);
  const staging = join(cache, `staging-${process.pid}`);
  try {
    copyTo(staging, [...manifests(), ...shipped]);
    writeFileSync(join(staging, 'RELEASE'), `${key}\n`);
    const excludes = ['*.map', '*.md', '*.ts'].map((pattern) => `--exclude=${pattern}`);
    const tar = `tar -c ${excludes.map((e) => `'${e}'`).join(' ')} -C "$0" node_modules -C "$1" . | gzip -1 > "$2.tmp" && mv "$2.tmp" "$2"`;
    await mustRun('sh', ['-c', tar, packages, staging, file]);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  prune(cache, 'release-', 3);
  prune(cache, 'dependencies-', 2);
  return { key, file };
}
