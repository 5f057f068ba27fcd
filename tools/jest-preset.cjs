/**
 * One Jest preset for every project. NestJS 12 is published as ES modules only, so it is transformed to CommonJS together with our
 * own sources; everything else in node_modules is loaded as it is.
 */
const esmPackages = '(@nestjs|file-type|strtok3|token-types|uint8array-extras|@tokenizer|@borewit|uuid)';
const swc = (parser) => [
  '@swc/jest',
  {
    jsc: {
      parser,
      target: 'es2022',
      transform: { legacyDecorator: true, decoratorMetadata: true },
      keepClassNames: true,
    },
    module: { type: 'commonjs' },
    sourceMaps: 'inline',
  },
];

module.exports = {
  testEnvironment: 'node',
  transform: {
    '\\.ts$': swc({ syntax: 'typescript', decorators: true }),
    [`node_modules/${esmPackages}/.+\\.js$`]: swc({ syntax: 'ecmascript' }),
  },
  transformIgnorePatterns: [`/node_modules/(?!${esmPackages}/)`],
  moduleNameMapper: {
    '^@pgfleet/(lab|platform)$': '<rootDir>/deploy/$1/src/index.ts',
    '^@pgfleet/(integration|write-checker)$': '<rootDir>/tools/$1/src/index.ts',
    '^@pgfleet/(.*)$': '<rootDir>/libs/$1/src/index.ts',
  },
};
