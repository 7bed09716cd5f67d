import path from 'node:path';
import react from '@vitejs/plugin-react';
import { defaultClientConditions, defineConfig } from 'vite';

export default defineConfig({
  root: path.join(import.meta.dirname, 'ui'),
  plugins: [react()],
  // Workspace packages are taken from their sources, as everywhere: the page needs no build of another package.
  resolve: { conditions: ['@autopilot/source', ...defaultClientConditions] },
  build: {
    outDir: path.join(import.meta.dirname, 'dist', 'ui'),
    emptyOutDir: true,
    // Nothing inline: the page's policy allows scripts and styles from its own server only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
