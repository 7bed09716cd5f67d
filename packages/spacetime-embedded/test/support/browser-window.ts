import { Window } from 'happy-dom';

/** The one window of a test file: what is loaded after this finds a browser, and keeps listening to this window. */
const window = new Window({ url: 'http://localhost/' });
Object.assign(globalThis, { window, document: window.document });

export const browserWindow = window;
