export { type KhalaFrameError, type KhalaFrameErrorCode, khalaFrameErrorCodes } from './wire/decode-error.ts';
export { decodeKhalaFrame } from './wire/decode-frame.ts';
export type { Channel, KhalaFrame, KhalaReply, KhalaServerError } from './wire/frame.ts';
