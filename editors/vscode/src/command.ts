// Finds what starts the server: the setting, else PATH, else our own environment.
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import * as path from 'node:path';

export type Found = { command: string } | { problem: string };

/** Where to look: what the setting says, the process environment, and our own environment's program. */
export interface Places {
  setting: string;
  env: NodeJS.ProcessEnv;
  own: string;
}

/** The command, or why the one that the setting names cannot be used; undefined if there is none anywhere. */
export function find({ setting, env, own }: Places): Found | undefined {
  if (setting) {
    const named = setting.replace(/^~(?=[/\\])/, homedir());
    const command = path.isAbsolute(named) ? executable(named, env) : onPath(named, env);
    return command ? { command } : { problem: `"${setting}" (setting dgls.command) cannot be found` };
  }
  const command = onPath('dgls', env) ?? executable(own, env);
  return command ? { command } : undefined;
}

/** The full path of a program on PATH. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const folders = (env['PATH'] ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  return folders.map((folder) => executable(path.join(folder, name), env)).find((found) => found !== undefined);
}

/** The file if it can be run; on Windows with the ending that it lacks. */
function executable(file: string, env: NodeJS.ProcessEnv): string | undefined {
  const endings = process.platform === 'win32' ? ['', ...(env['PATHEXT'] ?? '.EXE;.CMD').split(';')] : [''];
  return endings.map((ending) => file + ending).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
