/** A path pattern as an expression: `**` any folders, `*` anything inside one name. A folder's pattern fits what is in it. */
export function pathPattern(pattern: string): RegExp {
  const body = pattern
    .split(/(\*\*\/|\*\*|\*)/)
    .map((part) => {
      if (part === '**/') return '(?:.*/)?';
      if (part === '**') return '.*';
      return part === '*' ? '[^/]*' : escapeText(part);
    })
    .join('');
  return new RegExp(`^${body}(?:/.*)?$`);
}

/** A text as an expression that fits it literally. */
export function escapeText(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
