/** The statuses that nothing moves on from. */
export const finalStatuses = ['done', 'failed', 'cancelled'] as const;

/** Who may move an assignment from where to where. Done, failed and cancelled are final. */
const edges: Readonly<Record<'requester' | 'provider', Readonly<Record<string, readonly string[]>>>> = {
  requester: { open: ['cancelled'], accepted: ['cancelled'], running: ['cancelled'] },
  provider: {
    open: ['accepted', 'failed'],
    accepted: ['running', 'failed'],
    // Running again reports progress in the detail.
    running: ['running', 'done', 'failed'],
  },
};

export function mayMove(party: 'requester' | 'provider', from: string, to: string): boolean {
  const targets = edges[party];
  return Object.hasOwn(targets, from) && (targets[from]?.includes(to) ?? false);
}
