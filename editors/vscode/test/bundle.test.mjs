// What is shipped: small enough to load quickly, and with no telemetry in it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build } from 'esbuild';
import { options } from '../esbuild.mjs';

test('the bundle has at most 600 kB and calls no telemetry', async () => {
  const { outputFiles } = await build({ ...options, write: false });
  const [bundle] = outputFiles;
  assert.ok(bundle.contents.length <= 600_000, `${bundle.contents.length} bytes`);
  assert.doesNotMatch(bundle.text, /createTelemetryLogger|fetch\(/);
});
