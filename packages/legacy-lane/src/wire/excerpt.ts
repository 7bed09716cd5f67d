const longest = 160;

/** What looks like a token or a signature, wherever it stands. */
const secrets =
  /(bearer\s+)[^\s"',]+|(["']?(?:[a-z_]*token|authorization|secret|password|jti|oa_session_id)["']?\s*[:=]\s*["']?)[^"'&\s,}]+|[\w-]{12,}\.[\w-]{8,}\.[\w-]{8,}|ey[JK][\w-]{12,}/gi;

/** The beginning of a text for a person to look at: without line breaks and without what looks like a secret. */
export function excerptOf(text: string): string {
  // Cut first, generously: a hostile text must not cost time.
  const cut = text.slice(0, longest * 4);
  const clean = cut.replaceAll(secrets, (_all, bearer?: string, name?: string) => `${bearer ?? name ?? ''}[secret]`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is taken out.
  const line = clean.replaceAll(/[\u0000-\u001f\u007f]+/g, ' ').toWellFormed();
  return line.length <= longest ? line : `${line.slice(0, longest).toWellFormed()}…`;
}
