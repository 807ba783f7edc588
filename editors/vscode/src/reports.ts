// Texts that open beside the code: what the doctor found, and the statistics.
import { execFile } from 'node:child_process';
import * as vscode from 'vscode';
import * as config from './config.ts';

/** Opens a text that nobody has to save. */
export async function showText(title: string, text: string): Promise<void> {
  const uri = vscode.Uri.from({ scheme: SCHEME, path: title, query: String(Date.now()) });
  texts.set(uri.toString(), text);
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
}

const SCHEME = 'dgls-report';
const texts = new Map<string, string>();

/** Serves the texts to the editor until they are closed. */
export function reports(): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      provideTextDocumentContent: (uri) => texts.get(uri.toString()) ?? '',
    }),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => texts.delete(uri.toString())),
  );
}

/** What `dgls doctor` says with this window's settings. */
export async function doctor(command: string): Promise<string> {
  const settings = Object.entries(config.serverSettings()).flatMap(([name, value]) => [
    '--set',
    `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  ]);
  const env = { ...process.env, COLUMNS: '120', NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile(command, ['doctor', ...settings], { env, cwd: config.folder() }, (error, stdout, stderr) => {
      resolve([`${command} doctor`, '', stdout.trim() || stderr.trim() || (error?.message ?? ''), ''].join('\n'));
    });
  });
}
