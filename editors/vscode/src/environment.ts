// Our own environment for the server: made once in the extension's storage, from the wheel that the extension brings.
import { spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as readline from 'node:readline';
import { downloadOf } from './words.ts';

const IS_WINDOWS = process.platform === 'win32';
const NAMES = IS_WINDOWS ? ['py', 'python'] : ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.14', 'python'];
const CHECK = 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))';
const LOCKED_FOR_MS = 30 * 60_000;
const LOOK_EVERY_MS = 1000;

/** What an installation needs to know. */
export interface Plan {
  /** Where the environment goes. */
  folder: string;
  /** The wheel of dgls, and the versions that it was tested with. */
  wheel: string;
  constraints: string;
  /** What is installed with it: `local` has torch, `vllm` the client of a vLLM server. */
  extras: string[];
}

/** The program of an environment that is complete. */
export function programIn(folder: string): string {
  return IS_WINDOWS ? path.join(folder, 'Scripts', 'dgls.exe') : path.join(folder, 'bin', 'dgls');
}

/** The first Python that is new enough and can make environments. */
export async function findPython(): Promise<string | undefined> {
  for (const name of NAMES) {
    try {
      await run(name, ['-I', '-c', CHECK], new AbortController().signal);
      return name;
    } catch {
      continue; // not there, or too old
    }
  }
  return undefined;
}

/** Makes the environment; an interrupted one is made anew, and two windows do not make it at the same time. */
export async function install(plan: Plan, python: string, report: (phrase: string) => void, stop: AbortSignal): Promise<void> {
  await fs.mkdir(path.dirname(plan.folder), { recursive: true });
  const lock = `${plan.folder}.lock`;
  await locked(lock, report, stop);
  try {
    if (!(await isComplete(plan))) {
      await make(plan, python, report, stop);
    }
  } finally {
    await fs.rm(lock, { force: true });
  }
}

/** Whether an environment has what is asked for. */
export async function isComplete({ folder, wheel, extras }: Plan): Promise<boolean> {
  try {
    const has = (await fs.readFile(stamp(folder), 'utf8')).split('\n');
    return [path.basename(wheel), ...extras].every((part) => has.includes(part));
  } catch {
    return false;
  }
}

async function make(plan: Plan, python: string, report: (phrase: string) => void, stop: AbortSignal): Promise<void> {
  const inside = IS_WINDOWS ? path.join(plan.folder, 'Scripts', 'python.exe') : path.join(plan.folder, 'bin', 'python');
  report('making an environment');
  await fs.rm(plan.folder, { recursive: true, force: true });
  await run(python, ['-I', '-m', 'venv', plan.folder], stop);
  const wanted = plan.extras.length > 0 ? `${plan.wheel}[${plan.extras.join(',')}]` : plan.wheel;
  // Isolated: what a PYTHONPATH of the user has would count as installed.
  const pip = ['-I', '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--progress-bar', 'off'];
  await run(inside, [...pip, '--constraint', plan.constraints, wanted], stop, (line) => {
    const phrase = downloadOf(line) ?? (line.startsWith('Installing collected') ? 'unpacking' : undefined);
    if (phrase) {
      report(phrase);
    }
  });
  await fs.writeFile(stamp(plan.folder), [path.basename(plan.wheel), ...plan.extras].join('\n'));
}

function stamp(folder: string): string {
  return path.join(folder, 'complete');
}

/** Waits until no other window installs; a lock that is too old was left behind. */
async function locked(lock: string, report: (phrase: string) => void, stop: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await fs.writeFile(lock, '', { flag: 'wx' });
      return;
    } catch {
      stop.throwIfAborted();
      const found = await fs.stat(lock).catch(() => undefined);
      if (found && Date.now() - found.mtimeMs > LOCKED_FOR_MS) {
        await fs.rm(lock, { force: true });
      }
      report('another window is installing');
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}

/** Runs a program to its end; rejects with its last line when it fails. */
export async function run(command: string, given: string[], stop: AbortSignal, hear?: (line: string) => void): Promise<void> {
  const child = spawn(command, given, { stdio: ['ignore', 'pipe', 'pipe'], signal: stop, windowsHide: true });
  let last = '';
  for (const stream of [child.stdout, child.stderr]) {
    readline.createInterface({ input: stream }).on('line', (line) => {
      last = line.trim() || last;
      hear?.(line.trim());
    });
  }
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(last || `${command} failed`))));
  });
}
