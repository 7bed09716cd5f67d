/** The rules, two per stage and what they imply. `D.1` and `D.2` decide where there is no policy to ask. */
export const ruleIds = [
  'S0.1',
  'S0.2',
  'S1.1',
  'S1.2',
  'S1.3',
  'S1.4',
  'S1.5',
  'S2.1',
  'S2.2',
  'S2.3',
  'S2.4',
  'S3.1',
  'S3.2',
  'D.1',
  'D.2',
] as const;

/** The id of a rule. */
export type RuleId = (typeof ruleIds)[number];
