import type {
  CompatRefusal,
  ForbiddenTopic,
  KhalaUpdateBatch,
  KhalaWatermark,
  ReauthRequired,
  SlowConsumer,
  StaleCursor,
} from './schemas.ts';

/** What khala says when it refuses something. `other` has a code that this client gives no meaning. */
export type KhalaServerError =
  | StaleCursor
  | SlowConsumer
  | ReauthRequired
  | CompatRefusal
  | ForbiddenTopic
  | { readonly code: 'bad_topic' | 'bad_subscription'; readonly message: string }
  | { readonly code: 'other'; readonly name: string; readonly message: string };

/** An answer to a request of this client. */
export type KhalaReply =
  | {
      readonly status: 'ok';
      readonly kind: 'joined';
      readonly subscription_id: string;
      readonly allowed_topics: readonly string[];
      readonly current_watermarks: readonly KhalaWatermark[];
    }
  | {
      readonly status: 'ok';
      readonly kind: 'subscribed';
      readonly subscription_id: string;
      readonly topics: readonly string[];
      readonly current_watermarks: readonly KhalaWatermark[];
    }
  | {
      readonly status: 'ok';
      readonly kind: 'unsubscribed';
      readonly subscription_id: string;
      readonly topics: readonly string[];
    }
  | {
      readonly status: 'ok';
      readonly kind: 'heartbeat';
      readonly subscription_id: string;
      readonly watermarks: readonly KhalaWatermark[];
    }
  | { readonly status: 'ok'; readonly kind: 'empty' }
  | { readonly status: 'error'; readonly error: KhalaServerError };

/** Whether something came under its own event name or as its second copy inside `sync:frame`. */
export type Channel = 'event' | 'frame';

/** One message of dialect A. */
export type KhalaFrame =
  | { readonly type: 'reply'; readonly ref: string | null; readonly topic: string; readonly reply: KhalaReply }
  | { readonly type: 'update_batch'; readonly channel: Channel; readonly batch: KhalaUpdateBatch }
  | { readonly type: 'heartbeat'; readonly channel: Channel; readonly watermarks: readonly KhalaWatermark[] }
  | { readonly type: 'error'; readonly channel: Channel; readonly error: KhalaServerError }
  | { readonly type: 'subscribed'; readonly channel: Channel }
  | { readonly type: 'channel_error'; readonly topic: string; readonly join_ref: string | null }
  | { readonly type: 'channel_close'; readonly topic: string; readonly join_ref: string | null }
  /** An event that this client gives no meaning. */
  | { readonly type: 'other'; readonly event: string };
