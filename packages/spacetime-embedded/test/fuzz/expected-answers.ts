/** A message that must be answered, as far as the order of answers depends on it. */
export interface Request {
  readonly type: 'Subscribe' | 'Unsubscribe' | 'OneOffQuery' | 'CallReducer' | 'CallProcedure';
  readonly request: number;
  /** Of Subscribe and Unsubscribe. */
  readonly set: number;
}

/** What a payload of a client asks for, and whether it is malformed after that. */
export interface Reading {
  readonly requests: readonly Request[];
  readonly isMalformed: boolean;
}

const types = ['Subscribe', 'Unsubscribe', 'OneOffQuery', 'CallReducer', 'CallProcedure'] as const;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads a payload by the tables of the protocol, apart from the decoder of the host that is under attack. */
export function readPayload(isV3: boolean, payload: Uint8Array): Reading {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const requests: Request[] = [];
  let at = 0;
  const u8 = () => view.getUint8(at++);
  const u32 = () => {
    at += 4;
    return view.getUint32(at - 4, true);
  };
  const bytes = () => {
    const length = u32();
    if (at + length > payload.length) throw new RangeError('cut');
    at += length;
    return payload.subarray(at - length, at);
  };
  const limited = (value: number, most: number) => {
    if (value > most) throw new RangeError('unknown');
    return value;
  };
  try {
    do {
      const type = types[limited(u8(), 4)] ?? 'Subscribe';
      const request = u32();
      let set = 0;
      if (type === 'Subscribe') {
        set = u32();
        for (let left = u32(); left > 0; left -= 1) utf8.decode(bytes());
      } else if (type === 'Unsubscribe') {
        set = u32();
        limited(u8(), 1);
      } else if (type === 'OneOffQuery') utf8.decode(bytes());
      else {
        limited(u8(), 0);
        utf8.decode(bytes());
        bytes();
      }
      requests.push({ type, request, set });
    } while (isV3 && at < payload.length);
  } catch {
    return { requests, isMalformed: true };
  }
  return { requests, isMalformed: false };
}
