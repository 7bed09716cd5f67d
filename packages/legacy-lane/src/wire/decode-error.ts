import type { z } from 'zod';
import { excerptOf } from './excerpt.ts';

/** Why a text of khala could not be read. */
export const khalaFrameErrorCodes = [
  'not_utf8',
  'not_json',
  'not_a_frame',
  'missing_field',
  'wrong_type',
  'number_too_large',
  'not_base64',
  'twin_not_json',
  'unknown_kind',
] as const;

/** One reason. */
export type KhalaFrameErrorCode = (typeof khalaFrameErrorCodes)[number];

/** A text that could not be read: which part of it, and its beginning without secrets. */
export interface KhalaFrameError {
  readonly type: 'undecodable';
  readonly code: KhalaFrameErrorCode;
  /** JSON Pointer to the field; empty for the whole text. */
  readonly path: string;
  readonly message: string;
  readonly excerpt: string;
  /** Whether it was only the second copy (`sync:frame`) of something that also comes in another way. */
  readonly twin: boolean;
}

/** Makes the error of a text. */
export function undecodable(
  code: KhalaFrameErrorCode,
  path: string,
  message: string,
  text: string,
  twin = false,
): KhalaFrameError {
  return { type: 'undecodable', code, path, message, excerpt: excerptOf(text), twin };
}

/** The first finding of a schema as an error. */
export function undecodableBy(error: z.core.$ZodError, under: string, text: string, twin = false): KhalaFrameError {
  const issue = error.issues[0];
  const path = under + (issue?.path ?? []).map((part) => `/${String(part)}`).join('');
  return undecodable(codeOf(issue), path, issue?.message ?? 'not as expected', text, twin);
}

function codeOf(issue: z.core.$ZodIssue | undefined): KhalaFrameErrorCode {
  if (issue?.code === 'too_big' && issue.origin !== 'string' && issue.origin !== 'array') return 'number_too_large';
  // The schemas are asked with `reportInput`.
  if (issue !== undefined && issue.input === undefined) return 'missing_field';
  return 'wrong_type';
}
