/** @type {import('jest').Config} */
export default {
  projects: [
    '<rootDir>/packages/*',
    '<rootDir>/modules/*',
    '<rootDir>/apps/*',
    '<rootDir>/testing',
    '<rootDir>/tools',
    '<rootDir>/bench',
  ],
};
