// The programs that tests start find their modules compiled, and their types stripped, from the second start on.
process.env.NODE_COMPILE_CACHE ??= new URL('./node_modules/.cache/node-compile', import.meta.url).pathname;

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
