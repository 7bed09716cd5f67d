import './tools/jest/environment.mjs';

/** @type {import('jest').Config} */
export default {
  // Not below the folder for temporary files, which may be in memory.
  cacheDirectory: new URL('./node_modules/.cache/jest', import.meta.url).pathname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  setupFiles: [new URL('./tools/jest/sqlite-realm.mjs', import.meta.url).pathname],
  transform: {
    '^.+\\.tsx?$': [
      '@swc/jest',
      {
        jsc: { target: 'es2024', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  // Workspace packages resolve to their sources: no build is needed before a test.
  testEnvironmentOptions: { customExportConditions: ['node', 'node-addons', '@autopilot/source'] },
};
