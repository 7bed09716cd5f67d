import type { Style, Tone } from './style.ts';
import { type Cell, type Column, table } from './table.ts';
import { pad, plain, widthOf, wrap } from './text.ts';

/** Text for a person, put together part by part. Everything that is given is made safe to print. */
export class Page {
  readonly width: number;
  readonly #style: Style;
  readonly #lines: string[] = [];

  constructor(width: number, style: Style) {
    this.width = Math.max(40, width);
    this.#style = style;
  }

  title(text: string, tone: Tone = 'strong'): void {
    this.text(text, tone);
  }

  /** A heading with an empty line before it. */
  heading(text: string): void {
    if (this.#lines.length > 0) this.#lines.push('');
    this.#lines.push(this.#style(plain(text), 'strong'));
  }

  text(text: string, tone: Tone = 'none', indent = 0): void {
    for (const line of wrap(plain(text), this.width - indent)) {
      this.#lines.push(' '.repeat(indent) + this.#style(line, tone));
    }
  }

  /** What nobody may overlook. */
  alarm(text: string): void {
    for (const line of wrap(plain(text), this.width - 3)) this.#lines.push(this.#style(`!! ${line}`, 'alarm'));
  }

  /** A line that is not wrapped: paths and places that programs read. */
  verbatim(text: string, tone: Tone = 'none'): void {
    this.#lines.push(this.#style(plain(text), tone));
  }

  blank(): void {
    this.#lines.push('');
  }

  /** Names and values below each other; empty values are left out. */
  fields(fields: readonly (readonly [name: string, value: string, tone?: Tone])[]): void {
    const shown = fields.filter(([, value]) => value !== '');
    const column = Math.min(30, Math.max(...shown.map(([name]) => widthOf(name)), 0)) + 2;
    for (const [name, value, tone = 'none'] of shown) {
      const lines = wrap(plain(value), this.width - column);
      for (const [index, line] of lines.entries()) {
        const label = index === 0 ? this.#style(pad(plain(name), column), 'dim') : ' '.repeat(column);
        this.#lines.push(label + this.#style(line, tone));
      }
    }
  }

  table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): void {
    this.#lines.push(...table(columns, rows, this.width, this.#style));
  }

  /** One item each, with a mark before it. */
  list(items: readonly string[], mark = '-'): void {
    for (const item of items) {
      const lines = wrap(plain(item), this.width - mark.length - 1);
      for (const [index, line] of lines.entries()) {
        this.#lines.push(`${index === 0 ? mark : ' '.repeat(mark.length)} ${line}`);
      }
    }
  }

  toString(): string {
    return this.#lines.length === 0 ? '' : `${this.#lines.join('\n')}\n`;
  }
}
