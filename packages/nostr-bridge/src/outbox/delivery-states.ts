/** One event at one relay. `in-flight`: handed to the connection. `dead`: given up here, for its tries or its age. */
export const deliveryStates = ['pending', 'in-flight', 'accepted', 'rejected', 'dead'] as const;
export type DeliveryState = (typeof deliveryStates)[number];

export const deliveryInputs = [
  'claim',
  'accept',
  'reject',
  'retry',
  'release',
  'recover',
  'exhaust',
  'requeue',
] as const;
/** `release`: it never left. `recover`: the process that had it is gone. `exhaust`: tries or age are used up. */
export type DeliveryInput = (typeof deliveryInputs)[number];

type Row = Readonly<Record<DeliveryInput, DeliveryState | undefined>>;

/** Where each input leads; undefined changes nothing. Accepted is never left: what a relay took it has. */
export const deliveryTransitions: Readonly<Record<DeliveryState, Row>> = {
  pending: row({ claim: 'in-flight', accept: 'accepted', reject: 'rejected', exhaust: 'dead' }),
  'in-flight': row({
    accept: 'accepted',
    reject: 'rejected',
    retry: 'pending',
    release: 'pending',
    recover: 'pending',
    exhaust: 'dead',
  }),
  accepted: row({}),
  rejected: row({ accept: 'accepted', requeue: 'pending' }),
  dead: row({ accept: 'accepted', requeue: 'pending' }),
};

function row(changes: Partial<Record<DeliveryInput, DeliveryState>>): Row {
  const nothing = Object.fromEntries(deliveryInputs.map((input) => [input, undefined])) as Row;
  return { ...nothing, ...changes };
}
