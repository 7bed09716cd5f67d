import { BridgeError } from '../errors.ts';
import { type EventTemplate, type NostrEvent, tagList, tagValue } from '../event/event.ts';
import type { Cipher } from './job-cipher.ts';
import { isRequestKind, nip90 } from './nip90.ts';

const { tags } = nip90;

/** One input of a job. */
export interface JobInputData {
  readonly data: string;
  readonly type: 'url' | 'event' | 'job' | 'text';
  readonly relay?: string;
  readonly marker?: string;
}

/** What a customer asks of one provider, or of whoever answers first. */
export interface JobRequest {
  /** 5000 to 5999. */
  readonly kind: number;
  /** Without it the request is for everybody, and cannot be encrypted. */
  readonly provider?: string;
  readonly inputs: readonly JobInputData[];
  readonly params: readonly (readonly [name: string, value: string])[];
  /** MIME type of the result. */
  readonly output?: string;
  /** Thousandths of a satoshi. */
  readonly bid_msat?: number;
  /** Where answers are looked for. */
  readonly relays: readonly string[];
  /** Seconds since the Unix epoch after which nobody needs the result. */
  readonly expiration?: number;
  /** Hides inputs and parameters from everybody but the provider. */
  readonly isEncrypted: boolean;
}

/** What a provider says of money. Carried, never paid. */
export interface JobAmount {
  readonly amount_msat?: number;
  readonly bolt11?: string;
}

/** The event of a request. */
export function requestTemplate(request: JobRequest, cipher: Cipher | undefined): Omit<EventTemplate, 'created_at'> {
  if (!isRequestKind(request.kind)) throw new BridgeError('invalid_option', `${request.kind} is no kind of a request.`);
  const secret = [
    ...request.inputs.map(({ data, type, relay = '', marker = '' }) => [tags.input, data, type, relay, marker]),
    ...request.params.map(([name, value]) => [tags.param, name, value]),
  ];
  const open = [
    ...(request.provider === undefined ? [] : [[tags.provider, request.provider]]),
    [tags.relays, ...request.relays],
    ...(request.output === undefined ? [] : [[tags.output, request.output]]),
    ...(request.bid_msat === undefined ? [] : [[tags.bid, `${request.bid_msat}`]]),
    ...(request.expiration === undefined ? [] : [[tags.expiration, `${request.expiration}`]]),
  ];
  if (!request.isEncrypted) return { kind: request.kind, tags: [...secret, ...open], content: '' };
  if (request.provider === undefined) {
    throw new BridgeError('invalid_option', 'What is encrypted is for one provider: name it.');
  }
  const content = need(cipher).encrypt(request.provider, JSON.stringify(secret));
  return { kind: request.kind, tags: [...open, [tags.encrypted]], content };
}

/** Reads a request as the provider that takes it. @throws {BridgeError} `decryption_failed`, `invalid_event` */
export function readRequest(event: NostrEvent, provider: string, cipher: Cipher | undefined): JobRequest {
  const isEncrypted = event.tags.some(([name]) => name === tags.encrypted);
  const secret = isEncrypted ? secretTags(need(cipher).decrypt(event.pubkey, event.content)) : event.tags;
  const output = tagValue(event, tags.output);
  const bid = wholeOf(tagValue(event, tags.bid));
  const expiration = wholeOf(tagValue(event, tags.expiration));
  return {
    kind: event.kind,
    provider,
    isEncrypted,
    inputs: secret
      .filter(([name]) => name === tags.input)
      .map(([, data = '', type, relay = '', marker = '']) => ({ data, type: typeOf(type), relay, marker })),
    params: secret.filter(([name]) => name === tags.param).map(([, name = '', value = '']) => [name, value] as const),
    relays: tagList(event, tags.relays),
    ...(output === undefined ? {} : { output }),
    ...(bid === undefined ? {} : { bid_msat: bid }),
    ...(expiration === undefined ? {} : { expiration }),
  };
}

/** The event of a feedback. */
export function feedbackTemplate(
  request: NostrEvent,
  status: string,
  text: string,
  amount: JobAmount,
  cipher: Cipher | undefined,
): Omit<EventTemplate, 'created_at'> {
  // Nothing to say is nothing to hide: NIP-44 has no empty text.
  const isHidden = isSecret(request) && text !== '';
  return {
    kind: nip90.feedback,
    tags: [
      [tags.status, status],
      ...aboutTags(request),
      ...amountTags(amount),
      ...(isHidden ? [[tags.encrypted]] : []),
    ],
    content: isHidden ? need(cipher).encrypt(request.pubkey, text) : text,
  };
}

/** The event of a result. */
export function resultTemplate(
  request: NostrEvent,
  text: string,
  amount: JobAmount,
  cipher: Cipher | undefined,
): Omit<EventTemplate, 'created_at'> {
  const inputs = isSecret(request) ? [] : request.tags.filter(([name]) => name === tags.input);
  return {
    kind: request.kind + nip90.resultOffset,
    tags: [
      [tags.request, JSON.stringify(request)],
      ...aboutTags(request),
      ...inputs,
      ...amountTags(amount),
      ...(isSecret(request) ? [[tags.encrypted]] : []),
    ],
    content: isSecret(request) ? need(cipher).encrypt(request.pubkey, text) : text,
  };
}

/** The text of a feedback or a result. @throws {BridgeError} `decryption_failed` */
export function readText(event: NostrEvent, cipher: Cipher | undefined): string {
  return isSecret(event) ? need(cipher).decrypt(event.pubkey, event.content) : event.content;
}

/** What a feedback or a result says of money. An amount that is none is left out. */
export function readAmount(event: NostrEvent): JobAmount {
  const [, amount, bolt11] = event.tags.find(([name]) => name === tags.amount) ?? [];
  const amount_msat = wholeOf(amount);
  return { ...(amount_msat === undefined ? {} : { amount_msat }), ...(bolt11 ? { bolt11 } : {}) };
}

function aboutTags(request: NostrEvent): string[][] {
  return [
    [tags.event, request.id],
    [tags.customer, request.pubkey],
  ];
}

function amountTags({ amount_msat, bolt11 }: JobAmount): string[][] {
  if (amount_msat === undefined) return [];
  return [[tags.amount, `${amount_msat}`, ...(bolt11 === undefined ? [] : [bolt11])]];
}

function isSecret(event: NostrEvent): boolean {
  return event.tags.some(([name]) => name === tags.encrypted);
}

function secretTags(text: string): readonly (readonly string[])[] {
  try {
    const value: unknown = JSON.parse(text);
    const isTags =
      Array.isArray(value) && value.every((tag) => Array.isArray(tag) && tag.every((part) => typeof part === 'string'));
    if (isTags) return value as string[][];
  } catch {
    // Said below.
  }
  throw new BridgeError('invalid_event', 'The encrypted content of the request is no list of tags.');
}

function typeOf(type: string | undefined): JobInputData['type'] {
  return type === 'url' || type === 'event' || type === 'job' ? type : 'text';
}

function wholeOf(text: string | undefined): number | undefined {
  const number = text === undefined || !/^\d{1,15}$/.test(text) ? Number.NaN : Number(text);
  return Number.isSafeInteger(number) ? number : undefined;
}

function need(cipher: Cipher | undefined): Cipher {
  if (cipher === undefined) throw new BridgeError('decryption_failed', 'There is no key to encrypt or decrypt with.');
  return cipher;
}
