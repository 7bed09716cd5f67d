export const jobStates = [
  'offered',
  'quoted',
  'paid',
  'processing',
  'partial',
  'done',
  'error',
  'cancelled',
  'expired',
] as const;
export type JobState = (typeof jobStates)[number];

export const jobInputs = ['quote', 'pay', 'start', 'progress', 'finish', 'fail', 'cancel', 'expire'] as const;
export type JobInput = (typeof jobInputs)[number];

type Row = Readonly<Record<JobInput, JobState | undefined>>;

const ends = { finish: 'done', fail: 'error', cancel: 'cancelled', expire: 'expired' } as const;
const none = row({});

/** Where each input leads, for customers and providers alike; undefined changes nothing. The last four are ends. */
export const jobTransitions: Readonly<Record<JobState, Row>> = {
  offered: row({ quote: 'quoted', start: 'processing', progress: 'partial', ...ends }),
  // A provider may begin before it sees the payment, and may ask for more.
  quoted: row({ quote: 'quoted', pay: 'paid', start: 'processing', progress: 'partial', ...ends }),
  paid: row({ start: 'processing', progress: 'partial', ...ends }),
  processing: row({ quote: 'quoted', progress: 'partial', ...ends }),
  partial: row({ quote: 'quoted', progress: 'partial', ...ends }),
  done: none,
  error: none,
  cancelled: none,
  expired: none,
};

/** States that lead somewhere. */
export const openJobStates: readonly JobState[] = jobStates.filter((state) => jobTransitions[state] !== none);

function row(changes: Partial<Record<JobInput, JobState>>): Row {
  const nothing = Object.fromEntries(jobInputs.map((input) => [input, undefined])) as Row;
  return { ...nothing, ...changes };
}
