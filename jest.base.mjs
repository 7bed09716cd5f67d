/** @type {import('jest').Config} */
export default {
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
