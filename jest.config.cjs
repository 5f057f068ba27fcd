const preset = { ...require('./tools/jest-preset.cjs'), rootDir: __dirname };
const sources = [
  '<rootDir>/apps',
  '<rootDir>/libs',
  '<rootDir>/deploy/lab',
  '<rootDir>/deploy/platform',
  '<rootDir>/tools',
  '<rootDir>/bench',
];

/** On the machines of a lab, with the platform on them. */
const onMachines = {
  ...preset,
  roots: ['<rootDir>/e2e'],
  testEnvironment: '<rootDir>/e2e/src/environment.ts',
  globalSetup: '<rootDir>/e2e/src/global-setup.ts',
  setupFilesAfterEnv: ['<rootDir>/e2e/src/setup.ts'],
};

module.exports = {
  testSequencer: '<rootDir>/tools/jest-sequencer.cjs',
  projects: [
    { ...preset, displayName: 'unit', roots: sources, testRegex: '(?<!\\.it)\\.spec\\.ts$' },
    { ...preset, displayName: 'integration', roots: sources, testRegex: '\\.it\\.spec\\.ts$' },
    { ...onMachines, displayName: 'e2e', testRegex: '\\.e2e\\.spec\\.ts$' },
    { ...onMachines, displayName: 'faults', testRegex: '\\.faults\\.spec\\.ts$' },
  ],
};
