// Makes dgls-VERSION.vsix, with the server's wheel inside: an installation needs no other source of dgls.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
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
run(process.execPath, 'node_modules/@vscode/vsce/vsce', 'package', '--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links', ...process.argv.slice(2));
