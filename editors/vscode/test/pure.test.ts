// The parts that need no editor.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { Backoff } from '../src/backoff.ts';
import { find } from '../src/command.ts';
import { isComplete, programIn } from '../src/environment.ts';
import { isEnabled, isWanted, selector } from '../src/languages.ts';
import { Pause } from '../src/pause.ts';
import { applied, type Change, folded, hint, isFar, smallest } from '../src/shape.ts';
import { Stats } from '../src/stats.ts';
import { type State, type View, view } from '../src/view.ts';
import { downloadOf, shownOf } from '../src/words.ts';

function program(name: string): { folder: string; file: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'dgls-'));
  const file = path.join(folder, name);
  writeFileSync(file, '');
  chmodSync(file, 0o755);
  return { folder, file };
}

test('the setting comes first, then PATH, then our own environment', () => {
  const named = program('named');
  const onPath = program('dgls');
  const own = program('own').file;
  const env = { PATH: onPath.folder };
  assert.deepEqual(find({ setting: named.file, env, own }), { command: named.file });
  assert.deepEqual(find({ setting: '', env, own }), { command: onPath.file });
  assert.deepEqual(find({ setting: '', env: {}, own }), { command: own });
  assert.equal(find({ setting: '', env: {}, own: '' }), undefined);
  assert.deepEqual(find({ setting: 'dgls', env, own: '' }), { command: onPath.file });
});

test('a command that is named and not there is a problem, whatever else there is', () => {
  const { folder, file } = program('dgls');
  const found = find({ setting: '/no/such/dgls', env: { PATH: folder }, own: file });
  assert.match(found && 'problem' in found ? found.problem : '', /"\/no\/such\/dgls".*cannot be found/);
});

test('a folder is no program', () => {
  const { folder } = program('dgls');
  assert.ok('problem' in (find({ setting: folder, env: {}, own: '' }) ?? {}));
});

test('waits double up to a minute, and only one end is told', () => {
  const backoff = new Backoff();
  const found = Array.from({ length: 9 }, () => backoff.ended(100));
  assert.deepEqual(
    found.map(({ waitMs }) => waitMs),
    [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000],
  );
  assert.deepEqual(found.map(({ tell }) => tell).indexOf(true), 2);
  assert.equal(found.filter(({ tell }) => tell).length, 1);
});

test('a server that ran for long, and a restart by hand, begin anew', () => {
  const backoff = new Backoff();
  backoff.ended(0);
  backoff.ended(0);
  assert.equal(backoff.ended(60_000).waitMs, 500);
  backoff.reset();
  assert.equal(backoff.ended(0).waitMs, 500);
});

test('a language is on by its name, else by the star', () => {
  assert.ok(isEnabled({ '*': false, python: true }, 'python'));
  assert.ok(!isEnabled({ '*': true, python: false }, 'python'));
  assert.ok(isEnabled({ '*': true }, 'go'));
  assert.ok(!isEnabled({}, 'go'));
});

test('the server hears of documents that are for writing', () => {
  assert.ok(selector({ python: true }).some(({ scheme, language }) => scheme === 'untitled' && language === 'python'));
  assert.ok(selector({ '*': true, go: false }).every(({ language }) => language === undefined));
  assert.deepEqual(selector({ python: false }), []);
  assert.ok(!isWanted({ '*': true }, { uri: { scheme: 'output' }, languageId: 'log' }));
  assert.ok(isWanted({ python: true }, { uri: { scheme: 'vscode-vfs' }, languageId: 'python' }), 'of a virtual workspace');
});

test('a pause holds for its file, its language or its hour', () => {
  let now = 1000;
  const pause = new Pause(() => now);
  const python = { uri: { toString: () => 'a.py' }, languageId: 'python' };
  const go = { uri: { toString: () => 'b.go' }, languageId: 'go' };
  pause.file(python);
  assert.equal(pause.reason(python), 'paused in this file');
  assert.equal(pause.reason(go), undefined);
  pause.language(go);
  assert.equal(pause.reason(go), 'paused for go');
  pause.hour();
  assert.equal(pause.reason(python), 'paused for 60 min');
  now += 3_600_000;
  assert.equal(pause.reason(python), 'paused in this file');
  pause.resume(python);
  assert.equal(pause.reason(python), undefined);
});

test('statistics count answers, silences and what was taken', () => {
  const stats = new Stats();
  assert.match(stats.report([]), /p50 -/);
  for (let ms = 1; ms <= 100; ms += 1) {
    stats.answered({ ms, silence: ms % 4 === 0 ? 'unsure' : null });
  }
  stats.took('abc');
  const report = stats.report(['more']);
  assert.match(report, /answers: +100\n +with a fill: +75\n +without: +25 \(25 unsure\)/);
  assert.match(report, /taken as a whole: +1 \(3 characters\)/);
  assert.match(report, /p50 50 ms, p95 95 ms/);
  assert.match(report, /\nmore\n/);
});

test('each state has its text, its reason and its colour', () => {
  const cases: [State, View][] = [
    [{ kind: 'asleep' }, { text: '$(dash) dgls', tooltip: 'starts with the first document of a language in dgls.languages' }],
    [{ kind: 'starting' }, { text: '$(loading~spin) dgls', tooltip: 'the server starts' }],
    [{ kind: 'installing' }, { text: '$(loading~spin) dgls: installing', tooltip: 'the server is being installed' }],
    [{ kind: 'missing', reason: 'no Python' }, { text: '$(error) dgls: no server', tooltip: 'no Python', alarm: 'error' }],
    [
      { kind: 'restarting', reason: 'killed', waitMs: 2000 },
      { text: '$(warning) dgls: restarting', tooltip: 'the server ended (killed) and is started again after 2 s', alarm: 'warning' },
    ],
    [running('idle'), { text: '$(dash) dgls', tooltip: 'local (small, cpu): why' }],
    [running('loading'), { text: '$(loading~spin) dgls: loading', tooltip: 'local (small, cpu): why' }],
    [running('loading', 0), { text: '$(loading~spin) dgls: loading 0 %', tooltip: 'local (small, cpu): why' }],
    [running('loading', 40), { text: '$(loading~spin) dgls: loading 40 %', tooltip: 'local (small, cpu): why' }],
    [running('ready'), { text: '$(check) dgls: local (small, cpu)', tooltip: 'local (small, cpu): why' }],
    [running('failed'), { text: '$(error) dgls: failed', tooltip: 'local (small, cpu): why', alarm: 'error' }],
  ];
  for (const [state, expected] of cases) {
    assert.deepEqual(view(state, undefined, undefined), expected);
  }
});

test('a pause and then a silence are shown where the engine is ready, and nowhere else', () => {
  assert.match(view(running('ready'), 'paused in this file', 'unsure').text, /debug-pause.*paused in this file/);
  assert.deepEqual(view(running('ready'), undefined, 'unsure'), {
    text: '$(circle-outline) dgls: local (small, cpu)',
    tooltip: 'quiet, nothing to show here (unsure)',
  });
  assert.match(view(running('failed'), 'paused in this file', 'unsure').text, /failed/);
  assert.match(view(running('loading', 9), 'paused in this file', 'unsure').text, /loading 9 %/);
});

function running(state: 'idle' | 'loading' | 'ready' | 'failed', percent: number | null = null): State {
  return { kind: 'running', status: { state, engine: 'local (small, cpu)', detail: 'why', percent } };
}

test('of a draft, the first line is drawn, with spaces that stay', () => {
  assert.equal(shownOf('a\tb c\r\nd'), 'a\u00a0\u00a0\u00a0\u00a0b\u00a0c');
  assert.equal(shownOf(''), '');
});

test('what pip downloads is told with its size', () => {
  assert.equal(downloadOf('Downloading torch-2.13.0-cp311-cp311-linux_x86_64.whl (198.4 MB)'), 'downloading torch (198.4 MB)');
  assert.equal(downloadOf('Downloading https://host/a/tree_sitter_go-0.25.0-cp39.whl (12 kB)'), 'downloading tree_sitter_go (12 kB)');
  assert.equal(downloadOf('Collecting torch'), undefined);
});

test('an environment is complete with its stamp, for the same wheel and the same extras', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'dgls-'));
  const plan = { folder, wheel: '/x/dgls-1.whl', constraints: '', extras: ['vllm'] };
  assert.ok(!(await isComplete(plan)));
  writeFileSync(path.join(folder, 'complete'), 'dgls-1.whl\nlocal\nvllm');
  assert.ok(await isComplete(plan));
  assert.ok(!(await isComplete({ ...plan, wheel: '/x/dgls-2.whl' })));
  assert.ok(programIn(folder).startsWith(folder));
});

/** What goes and what comes where `text` takes the place of the part of `before` in «». */
function change(marked: string, text: string): { removed: string; inserted: string; after: string } {
  const before = marked.replace(/[«»]/g, '');
  const edit: Change = { start: marked.indexOf('«'), end: marked.indexOf('»') - 1, text };
  const found = smallest(before, edit);
  assert.equal(applied(before, [found]), applied(before, [edit]));
  return { removed: before.slice(found.start, found.end), inserted: found.text, after: applied(before, [found]) };
}

test('an edit is made as small as it is', () => {
  const cases: [string, string, string, string][] = [
    ['«print(size)»', 'print(size * 2)', '', ' * 2'],
    ['x = «a + b + c»', 'a + c', 'b + ', ''],
    ['«old()»', 'new()', 'old', 'new'],
    ['«width» = 1', 'length', 'width', 'length'],
    ['«wid»th = 1', 'leng', 'width', 'length'],
    ['size«s» = 1', 'd_up', 'sizes', 'sized_up'],
    ['«same»', 'same', '', ''],
    ['a\r\n«b\r\n»c', 'b\r\n  d\r\n', '', '  d\r\n'],
    ["'«😀»'", '😁', '😀', '😁'],
    ['«aXa»', 'aa', 'X', ''],
  ];
  for (const [marked, text, removed, inserted] of cases) {
    const found = change(marked, text);
    assert.deepEqual([found.removed, found.inserted], [removed, inserted], marked);
  }
});

test('several changes are applied at once, each where it was meant', () => {
  const changes = [
    { start: 4, end: 5, text: 'first' },
    { start: 0, end: 1, text: 'second' },
  ];
  assert.equal(applied('a = b\r\n', changes), 'second = first\r\n');
});

test('a text of several lines is drawn in one', () => {
  assert.equal(folded('if a:\r\n    b\n'), 'if\u00a0a:⏎\u00a0b⏎\u00a0');
  assert.equal(folded('x'.repeat(500)).length, 161);
});

test('an edit is far where more than a line lies between it and the cursor', () => {
  const edit = { first: 5, last: 6 };
  assert.deepEqual([3, 4, 5, 6, 7, 8].map((line) => isFar(edit, line)), [true, false, false, false, false, true]);
});

test('the hint says where an edit is and what comes', () => {
  assert.equal(hint(11, '\n  x = 1\n'), '⇥\u00a0line\u00a012:\u00a0x\u00a0=\u00a01');
  assert.equal(hint(0, ''), '⇥\u00a0line\u00a01:\u00a0delete');
});
