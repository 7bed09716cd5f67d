/** An argument of the command line; ends the program with 2 when it is none. */
export function wholeNumber(text: string | undefined, otherwise: number, name: string): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  console.error(`${name} must be a whole number from 1, not "${text}".`);
  process.exit(2);
}
