import type { CaseResult, SuiteReport } from './run-suite.ts';

const marks: Readonly<Record<CaseResult['outcome'], string>> = {
  pass: 'pass',
  fail: 'FAIL',
  'not-applicable': 'n/a ',
};

/** One line of the table. */
export function caseLine({ id, title, outcome, reason, section, milliseconds }: CaseResult): string {
  const time = `${milliseconds} ms`.padStart(8);
  const line = `${marks[outcome]}  ${id.padEnd(36)} ${time}  ${title}`;
  if (outcome === 'pass') return line;
  const where = outcome === 'fail' ? `\n        ${section.docs ?? section.source}` : '';
  return `${line}\n        ${reason}${where}`;
}

/** The end of the table. */
export function summaryText({ uri, totals, verdict, trouble, left }: SuiteReport): string {
  const { pass, fail, notApplicable } = totals;
  const lines = [`${uri}: ${pass} pass, ${fail} fail, ${notApplicable} not applicable: ${verdict}`];
  if (trouble !== undefined) lines.push(`The suite stopped: ${trouble}`);
  if (left.length > 0) lines.push(`These databases could not be deleted: ${left.join(', ')}`);
  return lines.join('\n');
}
