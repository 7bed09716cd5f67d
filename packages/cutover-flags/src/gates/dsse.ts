/** One signature of an envelope. `sig` is base64 over the pre-authentication encoding of payload type and payload. */
export interface DsseSignature {
  readonly keyid: string;
  readonly sig: string;
}

/** A DSSE envelope, as JSON carries it. `payload` is base64. */
export interface DsseEnvelope {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly DsseSignature[];
}
