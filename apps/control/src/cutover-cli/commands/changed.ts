import type { Outcome } from '../command.ts';
import type { Sent } from '../control/send-command.ts';
import type { Page } from '../view/page.ts';
import { valueText } from '../view/plan-view.ts';

/** The outcome of a command that was carried out. `more` adds what the person should see and do next. */
export function changed(sent: Sent, what: string, more?: (page: Page) => void): Outcome {
  return {
    ending: 'done',
    result: sent,
    show(page) {
      page.title(sent.replayed ? `${what} It had been carried out before: this is the same answer.` : what, 'good');
      page.fields([
        ['id', sent.id ?? ''],
        ['revision', `${sent.revision}`],
        ['key', sent.key],
        ...sent.events.map(({ event, data }) => [event, valueText('', data)] as const),
      ]);
      more?.(page);
    },
  };
}
