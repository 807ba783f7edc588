// Loading and activating the extension is little work: what VS Code itself does is left out, and every window pays for the rest.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { options } from '../esbuild.mjs';

const MOST_MS = 50;
const MOST_BYTES = 40_000;

// A fresh process: modules that were loaded before would cost nothing. The least of some runs is what the code costs; what
// a busy machine adds comes and goes.
const ACTIVATE = `
  const { Module } = require('node:module');
  const nothing = new Proxy(function () {}, {
    get: (_, name) => (name === Symbol.iterator ? [][Symbol.iterator] : name === Symbol.toPrimitive ? () => '' : nothing),
    set: () => true,
    apply: () => nothing,
    construct: () => nothing,
  });
  const names = ['commands', 'window', 'Uri', 'Disposable', 'ThemeColor', 'DecorationRangeBehavior', 'StatusBarAlignment'];
  const workspace = new Proxy({ textDocuments: [] }, { get: (own, name) => own[name] ?? nothing });
  const vscode = { ...Object.fromEntries(names.map((name) => [name, nothing])), workspace };
  const loaded = [];
  const load = Module._load;
  Module._load = function (name, ...given) {
    loaded.push(name);
    return name === 'vscode' ? vscode : load.call(this, name, ...given);
  };
  const began = process.cpuUsage();
  const subscriptions = [];
  require(process.argv[1]).activate({ subscriptions, extension: nothing, extensionUri: nothing, globalStorageUri: nothing });
  const { user, system } = process.cpuUsage(began);
  console.log(JSON.stringify({ ms: (user + system) / 1000, loaded, subscriptions: subscriptions.length }));
  process.exit();
`;

async function bundle() {
  const { outputFiles } = await build({ ...options, write: false });
  const folder = mkdtempSync(path.join(tmpdir(), 'dgls-'));
  for (const { path: from, contents } of outputFiles) {
    writeFileSync(path.join(folder, path.basename(from)), contents);
  }
  return { file: path.join(folder, 'extension.js'), outputFiles };
}

test('activation reads little, loads only what node and VS Code have, and takes at most 50 ms of CPU time', async (context) => {
  const { file, outputFiles } = await bundle();
  const activate = () => JSON.parse(execFileSync(process.execPath, ['-e', ACTIVATE, file], { encoding: 'utf8' }));
  const runs = Array.from({ length: 5 }, activate);
  const { loaded, subscriptions } = runs[0];
  assert.ok(subscriptions > 10, 'its commands and listeners are there');
  const others = loaded.filter((name) => name !== file && name !== 'vscode' && !name.startsWith('node:'));
  assert.deepEqual(others, []);
  const { contents } = outputFiles.find(({ path: from }) => from.endsWith('extension.js'));
  assert.ok(contents.length <= MOST_BYTES, `${contents.length} bytes`);
  const least = Math.min(...runs.map(({ ms }) => ms));
  context.diagnostic(`activation: ${least.toFixed(1)} ms of CPU time, ${contents.length} bytes`);
  assert.ok(least <= MOST_MS, `${least} ms of CPU time`);
});
