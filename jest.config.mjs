const shared = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: 'es2022',
          keepClassNames: true,
          experimental: { keepImportAttributes: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^#([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.collimator/'],
};

/** Starts Postgres and Kafka once for all projects that name it, and only if one of them has tests to run. */
const infrastructure = {
  globalSetup: '<rootDir>/libs/testing/src/global-setup.mjs',
  globalTeardown: '<rootDir>/libs/testing/src/global-teardown.mjs',
};

/** Suites by what they need: *.unit needs nothing, *.int needs Postgres and Kafka, the rest need the built services. */
const suite = (displayName, testMatch, needs = {}) => ({
  ...shared,
  ...needs,
  displayName,
  testMatch: testMatch.map((pattern) => `<rootDir>/${pattern}`),
});

export default {
  projects: [
    suite('unit', ['{apps,libs,deploy,test}/**/*.unit.spec.ts']),
    suite('golden', ['test/golden/**/*.golden.spec.ts']),
    suite('service', ['{apps,libs,deploy}/**/*.int.spec.ts'], infrastructure),
    suite('journey', ['test/journeys/**/*.journey.spec.ts'], infrastructure),
    suite('invariant', ['test/invariants/**/*.invariant.spec.ts'], infrastructure),
    suite('peer', ['test/peers/**/*.peer.spec.ts'], infrastructure),
  ],
  testTimeout: 60_000,
  // Modules of a suite stay in the memory of its process: without an end to that, the last suites take ten times as long.
  workerIdleMemoryLimit: '1GB',
};
