import base from '../../jest.base.mjs';

export default {
  ...base,
  displayName: 'session',
  globalSetup: '<rootDir>/test/support/build-module.mjs',
  globalTeardown: '<rootDir>/test/support/remove-module.mjs',
};
