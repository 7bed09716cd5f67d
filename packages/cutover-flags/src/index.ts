export { CutoverError, type CutoverErrorCode, cutoverErrors } from './errors.ts';
export { isStage, type Stage, stageNames, stages } from './stage.ts';
