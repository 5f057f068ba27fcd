/**
 * `node -r tools/integration/register.cjs program.ts`: lets a spec run a TypeScript program of this repository as a process of its
 * own, from the sources, as Jest runs the spec itself.
 */
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { join, resolve } = require('node:path');
const { transformSync } = require('@swc/core');

const root = resolve(__dirname, '..', '..');
const resolveFilename = Module._resolveFilename;
const own = /^@pgfleet\/([a-z-]+)$/;

Module._resolveFilename = function (request, ...rest) {
  const name = own.exec(request)?.[1];
  const source = name === 'integration' ? join(root, 'tools/integration/src/index.ts') : undefined;
  return resolveFilename.call(
    this,
    name ? (source ?? join(root, 'libs', name, 'src/index.ts')) : request,
    ...rest,
  );
};

require.extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    sourceMaps: 'inline',
    module: { type: 'commonjs' },
    jsc: {
      parser: { syntax: 'typescript', decorators: true },
      target: 'es2022',
      transform: { legacyDecorator: true, decoratorMetadata: true },
      keepClassNames: true,
    },
  });
  module._compile(code, filename);
};
