export { type FakeModel, type FakeModelOptions, type FakeModelRequest, startFakeModel } from './fake-model.ts';
export { deltasOf, type FakeStep, type FakeTurn } from './fake-script.ts';
