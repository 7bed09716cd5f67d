import type { CutoverConfig } from './config.ts';

/** The defaults. */
export const defaultCutoverConfig: CutoverConfig = undefined as unknown as CutoverConfig;
