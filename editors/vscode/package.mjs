// Makes dgls-VERSION.vsix, with the server's wheel inside: an installation needs no other source of dgls. With --proposed the
// manifest names the proposed API, for a VS Code that is started with --enable-proposed-api=dgls.dgls; no marketplace takes that.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const here = import.meta.dirname;
const root = path.resolve(here, '..', '..');
const server = path.join(here, 'server');

const run = (command, ...given) => execFileSync(command, given, { cwd: here, stdio: 'inherit' });

// setuptools would pack files that no longer exist but were built once.
rmSync(path.join(root, 'build', 'lib'), { recursive: true, force: true });
for (const folder of [server, path.join(here, 'dist')]) {
  rmSync(folder, { recursive: true, force: true });
}
mkdirSync(server);
const python = process.env.PYTHON ?? 'python3';
run(python, '-m', 'pip', 'wheel', '--quiet', '--disable-pip-version-check', '--no-deps', '--wheel-dir', server, root);
copyFileSync(path.join(root, 'scripts', 'constraints.txt'), path.join(server, 'constraints.txt'));
copyFileSync(path.join(root, 'LICENSE'), path.join(here, 'LICENSE'));
run(process.execPath, 'esbuild.mjs');

const given = process.argv.slice(2).filter((argument) => argument !== '--proposed');
const manifest = path.join(here, 'package.json');
const published = readFileSync(manifest, 'utf8');
try {
  if (process.argv.includes('--proposed')) {
    writeFileSync(manifest, JSON.stringify({ ...JSON.parse(published), enabledApiProposals: ['inlineCompletionsAdditions'] }, null, 2));
  }
  run(process.execPath, 'node_modules/@vscode/vsce/vsce', 'package', '--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links', ...given);
} finally {
  if (process.argv.includes('--proposed')) {
    writeFileSync(manifest, published);
  }
}
