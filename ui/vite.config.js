import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// What contracts are printed in, on the server: it comes the way GraphiQL comes, and lies in dist, for node_modules goes after the build.
const PRINT = ['LICENSE_FONT', '400Regular/NotoNaskhArabic_400Regular.ttf', '700Bold/NotoNaskhArabic_700Bold.ttf'];

function printFonts() {
  const folder = new URL('./node_modules/@expo-google-fonts/noto-naskh-arabic/', import.meta.url);
  return {
    name: 'print-fonts',
    generateBundle() {
      for (const file of PRINT) {
        const source = readFileSync(fileURLToPath(new URL(file, folder)));
        this.emitFile({ type: 'asset', fileName: `fonts/${basename(file)}`, source });
      }
    },
  };
}

export default defineConfig({
  base: '/graphiql/',
  plugins: [printFonts()],
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
