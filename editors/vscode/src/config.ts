// The settings: ours for this extension, and those of the server, which are the same in every editor.
import * as vscode from 'vscode';
import manifest from '../package.json';

const SECTION = 'dgls';
// Generated from dgls/settings.py; the first group is ours.
const [, server] = manifest.contributes.configuration;
const SERVER_NAMES = Object.keys(server?.properties ?? {}).map((name) => name.slice(SECTION.length + 1));

type Values = Record<string, unknown>;

/** The value of one of our own settings. */
export function setting<T>(name: string, fallback: T): T {
  return vscode.workspace.getConfiguration(SECTION).get<T>(name, fallback);
}

/** The server's settings that the user has set; for all others its own defaults hold. */
export function serverSettings(): Values {
  const config = vscode.workspace.getConfiguration(SECTION);
  return Object.fromEntries(
    SERVER_NAMES.filter((name) => isSet(config, name)).map((name) => [name, config.get<unknown>(name)]),
  );
}

/** What to tell the server when it was told `before`: what is no longer set gets its default back. */
export function changed(before: Values, now: Values): Values {
  const config = vscode.workspace.getConfiguration(SECTION);
  const gone = Object.keys(before).filter((name) => !(name in now));
  return { ...Object.fromEntries(gone.map((name) => [name, config.inspect(name)?.defaultValue])), ...now };
}

/** Sets values for all of the user's windows; the result are the settings of which this folder has its own values. */
export async function set(values: Values): Promise<string[]> {
  const config = vscode.workspace.getConfiguration(SECTION);
  for (const [name, value] of Object.entries(values)) {
    await config.update(name, value, vscode.ConfigurationTarget.Global);
  }
  return Object.keys(values).filter((name) => isSetByFolder(config, name)).map((name) => `${SECTION}.${name}`);
}

/** The workspace's first folder, where the server and the doctor run: relative paths in the settings mean the workspace. */
export function folder(): string | undefined {
  return vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === 'file')?.uri.fsPath;
}

function isSet(config: vscode.WorkspaceConfiguration, name: string): boolean {
  return config.inspect(name)?.globalValue !== undefined || isSetByFolder(config, name);
}

function isSetByFolder(config: vscode.WorkspaceConfiguration, name: string): boolean {
  const found = config.inspect(name);
  return found?.workspaceValue !== undefined || found?.workspaceFolderValue !== undefined;
}
