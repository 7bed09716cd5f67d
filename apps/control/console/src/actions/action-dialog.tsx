import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { nextOf } from '../api.ts';
import type { Refusal } from '../api-types.ts';
import { humanise } from '../format.ts';
import { changesBetween } from '../live/changes.ts';
import type { Snapshot } from '../live/use-console.ts';
import type { Action, FormInput } from './action.ts';
import { ModalDialog } from './modal-dialog.tsx';
import { useDraft } from './drafts.ts';
import { TextArea } from './fields.tsx';
import { type CommandAnswer, type Sent, send } from './send.ts';

/** The dialog of an action: what it does, what it asks for, and what control said to it. */
export function ActionDialog(props: {
  readonly action: Action;
  readonly snapshot: Snapshot;
  readonly lost: boolean;
  readonly refresh: () => Promise<Snapshot | null>;
  readonly done: (answer: CommandAnswer) => void;
  readonly close: () => void;
}) {
  const { action, snapshot, refresh } = props;
  const { draft, set, clear } = useDraft(action.key, action.initial);
  const [step, setStep] = useState<'form' | 'review'>('form');
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [unsure, setUnsure] = useState(false);
  // What the person has looked at: a change since then is shown before anything is sent over it.
  const [seen, setSeen] = useState(snapshot);
  const last = useRef<Sent | null>(null);
  const problems = useRef<HTMLDivElement>(null);
  const titleId = useId();
  const input: FormInput = { draft, set, snapshot };
  const changed = action.command && snapshot.status.state.revision !== seen.status.state.revision;
  const said = wrong ?? (refusal !== null || unsure || changed ? 'shown' : null);
  useEffect(() => {
    if (said !== null) problems.current?.scrollIntoView({ block: 'nearest' });
  }, [said]);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (busy) return;
    const body = action.body(input);
    const reasonMissing = action.command && (draft.reason ?? '').trim() === '';
    const problem =
      typeof body === 'string' ? body : reasonMissing ? 'Say why: the reason goes into the audit log.' : null;
    setWrong(problem);
    if (problem !== null || typeof body === 'string') return;
    if (action.review !== null && step === 'form') return setStep('review');
    setBusy(true);
    setRefusal(null);
    setUnsure(false);
    const { outcome, sent } = await send(action, input, body, seen.status.state.revision, last.current);
    last.current = sent;
    if (outcome.kind === 'done') {
      clear();
      await refresh();
      return props.done(outcome.body);
    }
    if (outcome.kind === 'refused') setRefusal(outcome.refusal);
    else setUnsure(true);
    await refresh();
    setBusy(false);
  }

  return (
    <ModalDialog labelledBy={titleId} close={props.close}>
      <form onSubmit={submit} noValidate>
        <h2 id={titleId}>{action.title}</h2>
        <div className="dialog-body">
          {step === 'form' ? action.about(input) : action.review?.(input)}
          {step === 'form' && action.fields?.(input)}
          {step === 'form' && action.command && (
            <TextArea
              label="Reason"
              hint="It goes into the audit log as it is."
              value={draft.reason ?? ''}
              invalid={wrong?.startsWith('Say why') === true}
              onChange={(value) => set('reason', value)}
            />
          )}
          {step === 'review' && (
            <p>
              Reason: <q>{draft.reason}</q>
            </p>
          )}
          <div ref={problems}>
            {wrong !== null && (
              <p className="said" data-tone="bad" role="alert">
                {wrong}
              </p>
            )}
            {refusal !== null && <Refused refusal={refusal} />}
            {unsure && (
              <p className="said" data-tone="warn" role="alert">
                <strong>Control did not answer, so it is not known whether this was done.</strong> Sending it again is
                safe: it carries the same key and is done once.
              </p>
            )}
            {changed && (
              <Changed
                before={seen}
                after={snapshot}
                refused={refusal !== null}
                accept={() => {
                  setSeen(snapshot);
                  setRefusal(null);
                }}
              />
            )}
          </div>
        </div>
        <div className="dialog-foot">
          <span className="quiet">
            {action.command ? `At revision ${seen.status.state.revision}` : 'Not a command: it changes no stage.'}
          </span>
          <button
            type="button"
            className="button plain"
            onClick={() => (step === 'review' ? setStep('form') : props.close())}
          >
            {step === 'review' ? 'Back' : 'Cancel'}
          </button>
          <button
            type="submit"
            className={`button ${action.tone === 'danger' ? 'danger' : 'primary'}`}
            aria-disabled={busy || props.lost}
            disabled={props.lost}
          >
            {busy ? 'Sending …' : action.review !== null && step === 'form' ? 'Continue …' : action.confirm}
          </button>
        </div>
      </form>
    </ModalDialog>
  );
}

/** What control said, and what to do next. */
function Refused({ refusal }: { readonly refusal: Refusal }) {
  return (
    <div className="said" data-tone="bad" role="alert">
      <p>
        <strong>Refused:</strong> {humanise(refusal.message)} <code>{refusal.code}</code>
      </p>
      <p>{nextOf(refusal)}</p>
    </div>
  );
}

function Changed(props: {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly refused: boolean;
  readonly accept: () => void;
}) {
  const { before, after } = props;
  return (
    <div className="said" data-tone="warn" role="alert">
      <p>
        <strong>{props.refused ? 'Somebody was faster.' : 'The cutover changed while this was open.'}</strong> Revision{' '}
        {before.status.state.revision} became {after.status.state.revision}:
      </p>
      <ul>
        {changesBetween(before, after).map((line) => (
          <li key={line}>{humanise(line)}</li>
        ))}
      </ul>
      <button type="button" className="button plain" onClick={props.accept}>
        I have read this: use revision {after.status.state.revision}
      </button>
    </div>
  );
}
