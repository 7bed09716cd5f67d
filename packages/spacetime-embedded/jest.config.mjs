import base from '../../jest.base.mjs';

// Some tests start processes, and a busy machine takes its time for them.
export default { ...base, displayName: 'spacetime-embedded', testTimeout: 30_000 };
