export { isStage, type Stage, stageNames, stages } from './stage.ts';
