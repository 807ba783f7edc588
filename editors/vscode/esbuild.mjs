// Bundles the extension into dist/extension.js; what is needed only with a server, into dist/server.js and dist/edits.js.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

export const options = {
  absWorkingDir: import.meta.dirname,
  entryPoints: ['src/extension.ts', 'src/server.ts', 'src/edits.ts'],
  outdir: 'dist',
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode', './server.js', './edits.js'],
  // import() becomes require(), which every VS Code's extension host knows.
  supported: { 'dynamic-import': false },
  // When loading begins, for the activation time which "dgls: Show Statistics" tells.
  banner: { js: 'const bundleBegan = { ms: performance.now(), cpu: process.cpuUsage() };' },
};

if (import.meta.url === pathToFileURL(path.resolve(process.argv[1] ?? '')).href) {
  await build(options);
}
