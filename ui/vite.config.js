import { defineConfig } from 'vite';

export default defineConfig({
  base: '/graphiql/',
  // One module file each: the page's script-src 'self' then covers what a worker loads.
  worker: { format: 'es' },
  build: {
    // Monaco is one chunk of 3.5 MB whatever we do; the warning would only teach readers to overlook warnings.
    chunkSizeWarningLimit: 6000,
    rolldownOptions: {
      onwarn(warning, warn) {
        // "use client" in 200 files of the libraries: 3,000 lines that mean nothing in a page without a server part.
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
    },
  },
});
