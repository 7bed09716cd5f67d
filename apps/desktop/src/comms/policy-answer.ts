/** How a question to control for the policy ended. `absent`: this control knows no policy. */
export type PolicyAnswer = 'none-yet' | 'taken' | 'unchanged' | 'absent' | 'failed';

/** The last question: how it ended, when (milliseconds since the Unix epoch), and why it failed. */
export interface LastAnswer {
  readonly answer: PolicyAnswer;
  readonly at: number | null;
  readonly error: string | null;
}
