import base from '../../jest.base.mjs';

// What is measured is no test: it runs where a gate asks for it, when nothing else does.
const isGate = process.env.AUTOPILOT_GATE_FACTS !== undefined;

export default {
  ...base,
  displayName: 'nostr-bridge',
  testPathIgnorePatterns: ['/node_modules/', ...(isGate ? [] : ['[.]measured[.]test[.]ts$'])],
};
