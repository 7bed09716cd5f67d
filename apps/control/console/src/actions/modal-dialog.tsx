import { type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react';

const reachable = 'button:not([disabled]), input, select, textarea, a[href], summary, [tabindex="0"]';

/** A modal dialog: the rest of the page is inert, Tab stays inside, Escape closes, and focus goes back to where it was. */
export function ModalDialog(props: {
  readonly labelledBy: string;
  readonly close: () => void;
  readonly children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    const element = dialog.current;
    element?.showModal();
    const first = element?.querySelector<HTMLElement>('input, select, textarea') ?? element?.querySelector('button');
    // Without scrolling: what the dialog says about itself is read first.
    first?.focus({ preventScroll: true });
    return () => {
      element?.close();
      // What opened it may be gone by now: then reading goes on at the top of the content.
      if (opener instanceof HTMLElement && opener.isConnected && opener !== document.body) opener.focus();
      else document.getElementById('content')?.focus();
    };
  }, []);

  function stayInside(event: KeyboardEvent) {
    if (event.key !== 'Tab') return;
    const all = [...(dialog.current?.querySelectorAll<HTMLElement>(reachable) ?? [])].filter(
      (element) => element.getClientRects().length > 0,
    );
    const edge = event.shiftKey ? all[0] : all.at(-1);
    const other = event.shiftKey ? all.at(-1) : all[0];
    if (document.activeElement !== edge && dialog.current?.contains(document.activeElement)) return;
    event.preventDefault();
    other?.focus();
  }

  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={props.labelledBy}
      onKeyDown={stayInside}
      onCancel={(event) => {
        event.preventDefault();
        props.close();
      }}
    >
      {props.children}
    </dialog>
  );
}
