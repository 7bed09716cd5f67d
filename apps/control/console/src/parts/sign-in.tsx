import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { Refusal } from '../api-types.ts';
import { call, nextOf } from '../api.ts';
import { TextField } from '../actions/fields.tsx';

/** Client id and secret for a session. */
export function SignIn({ ended, signedIn }: { readonly ended: boolean; readonly signedIn: () => void }) {
  const [id, setId] = useState('');
  const [secret, setSecret] = useState('');
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<Refusal | 'lost' | null>(null);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector('input')?.focus(), []);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    const answer = await call<object>('POST', '/console/session', { client_id: id.trim(), secret });
    setBusy(false);
    if (answer.kind === 'done') return signedIn();
    setSaid(answer.kind === 'lost' ? 'lost' : answer.refusal);
  }

  return (
    <main className="sign-in" id="content" tabIndex={-1}>
      <form onSubmit={submit} ref={form} className="panel" noValidate>
        <h1>Cutover console</h1>
        <p className="quiet">
          {ended
            ? 'The session is over. Sign in again; what you typed is kept.'
            : 'Sign in with a client of control that has the scope cutover.read.'}
        </p>
        <TextField label="Client id" value={id} onChange={setId} />
        <TextField label="Secret" secret value={secret} onChange={setSecret} />
        {said === 'lost' && (
          <p className="said" data-tone="bad" role="alert">
            Control does not answer. Check that it runs, then try again.
          </p>
        )}
        {said !== null && said !== 'lost' && (
          <div className="said" data-tone="bad" role="alert">
            <p>{said.message}</p>
            <p>{nextOf(said)}</p>
          </div>
        )}
        <button type="submit" className="button primary" aria-disabled={busy}>
          {busy ? 'Signing in …' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}
