/**
 * Whether a stream has an event at every sequence. In a `dense` one a sequence that does not follow on is a gap. In one
 * that is `gaps-allowed` the host leaves sequences out, so what is missing cannot be told from what never was: events
 * have to be delivered in order, and only the chain proves that all of them came.
 */
export type Contiguity = 'dense' | 'gaps-allowed';
