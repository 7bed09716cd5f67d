export { type FakeModel, type FakeModelOptions, type FakeModelRequest, startFakeModel } from './fake-model.ts';
export { deltasOf, type FakeStep, type FakeTurn } from './fake-script.ts';
export { type FaultProxy, type FaultProxyCounters, type FaultProxyTarget, startFaultProxy } from './fault-proxy.ts';
export { freePort } from './free-port.ts';
export { type GateFacts, gateFactsVariable, recordGateFacts } from './gate-facts.ts';
export { tableUnder } from './markdown-table.ts';
export { type WaitForOptions, waitFor } from './wait-for.ts';
