import { useState } from 'react';
import type { DesktopStateJson } from '../../../src/view-model/desktop-state.ts';
import { formatCount, shortHash } from '../format.ts';

type Proof = DesktopStateJson['streams'][number]['proof'];

/** The short chain; a press copies the whole of it. */
export function ChainCell(props: {
  readonly chain: string;
  /** The sequence that `chain` stands at. */
  readonly seq?: string;
  readonly proof?: Proof;
}) {
  const { chain, seq, proof = null } = props;
  const [copied, setCopied] = useState<'yes' | 'no'>();
  const show = (outcome: 'yes' | 'no') => {
    setCopied(outcome);
    setTimeout(() => setCopied(undefined), 1500);
  };
  const copy = () => {
    navigator.clipboard.writeText(chain).then(
      () => show('yes'),
      () => show('no'),
    );
  };
  return (
    <span className="chain">
      <button type="button" className="copy" onClick={copy} title={`${chain}\nPress to copy`}>
        <code>{copied === undefined ? shortHash(chain) : copied === 'yes' ? 'copied' : 'not copied'}</code>
      </button>
      {proof !== null && (
        <span className="proof" data-equal={proof.equal} title={proofTitle(proof.equal)}>
          {proof.equal ? '= host' : '≠ host'}
          {proof.seq !== seq && ` at ${formatCount(proof.seq)}`}
        </span>
      )}
    </span>
  );
}

function proofTitle(equal: boolean): string {
  return equal
    ? 'The host named the same chain at this sequence: the same events in the same order.'
    : 'The host named another chain at this sequence.';
}
