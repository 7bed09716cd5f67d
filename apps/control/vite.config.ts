import path from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: path.join(import.meta.dirname, 'console'),
  base: '/console/',
  plugins: [react()],
  build: {
    outDir: path.join(import.meta.dirname, 'dist', 'console'),
    emptyOutDir: true,
    // Nothing inline: the page's policy allows scripts and styles from its own server only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
