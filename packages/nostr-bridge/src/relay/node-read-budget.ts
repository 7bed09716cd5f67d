import type { Ports } from '@autopilot/sync-contract';
import { ReadBudget, type ReadBudgetOptions } from './read-budget.ts';

/** A budget of all processor time of this process, which should do nothing but serve a bridge. */
export function nodeReadBudget(ports: Pick<Ports, 'clock' | 'scheduler'>, options?: ReadBudgetOptions): ReadBudget {
  const spentMs = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  };
  return new ReadBudget(ports, spentMs, options);
}
