/** The stages of the cutover. */
export const stages = [0, 1, 2, 3] as const;

/** 0 hidden validation, 1 flag primary, 2 default primary, 3 removal. */
export type Stage = (typeof stages)[number];

/** What each stage is called. */
export const stageNames: Readonly<Record<Stage, string>> = {
  0: 'hidden validation',
  1: 'flag primary',
  2: 'default primary',
  3: 'removal',
};

/** Whether a value is a stage. */
export function isStage(value: unknown): value is Stage {
  return value === 0 || value === 1 || value === 2 || value === 3;
}
