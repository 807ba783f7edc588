// What is shipped: small enough to load quickly, and with no telemetry in it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { build } from 'esbuild';
import { options } from '../esbuild.mjs';

test('the bundles have at most 600 kB and call no telemetry', async () => {
  const { outputFiles } = await build({ ...options, write: false });
  const n_bytes = outputFiles.reduce((sum, { contents }) => sum + contents.length, 0);
  assert.ok(n_bytes <= 600_000, `${n_bytes} bytes`);
  for (const { text } of outputFiles) {
    assert.doesNotMatch(text, /createTelemetryLogger|fetch\(/);
  }
});

test('loading the extension evaluates no language client, which needs more of VS Code than nothing', async () => {
  const { outputFiles } = await build({ ...options, write: false });
  const module = { exports: {} };
  const load = createRequire(import.meta.url);
  const { text } = outputFiles.find(({ path }) => path.endsWith('extension.js'));
  new Function('module', 'exports', 'require', text)(module, module.exports, (name) =>
    name === 'vscode' ? {} : load(name),
  );
  assert.deepEqual(Object.keys(module.exports).sort(), ['activate', 'deactivate']);
});
