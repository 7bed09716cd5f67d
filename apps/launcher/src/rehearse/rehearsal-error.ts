/** What did not hold: ends the rehearsal, which then reports it. */
export class RehearsalError extends Error {
  override readonly name = 'RehearsalError';
}
