// What a click on the status bar offers, and the questions behind it.
import * as vscode from 'vscode';
import * as config from './config.ts';

interface Choice extends vscode.QuickPickItem {
  run: () => unknown;
}

const command = (id: string) => () => vscode.commands.executeCommand(id);

/** Shows the menu; `paused` says whether the document in front is paused. */
export async function showMenu(title: string, paused: string | undefined): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  const pauses: Choice[] = paused
    ? [{ label: '$(debug-continue) Resume', description: paused, run: command('dgls.resume') }]
    : [
        { label: '$(debug-pause) Pause in This File', run: command('dgls.pauseFile') },
        { label: `$(debug-pause) Pause for ${document?.languageId ?? 'This Language'}`, run: command('dgls.pauseLanguage') },
        { label: '$(debug-pause) Pause for an Hour', run: command('dgls.pauseHour') },
      ];
  await pick(title, [
    { label: '$(server) Choose What Fills…', run: command('dgls.engine') },
    ...pauses,
    { label: '$(output) Open the Log', run: command('dgls.log') },
    { label: '$(pulse) Doctor', description: 'what is amiss on this machine', run: command('dgls.doctor') },
    { label: '$(graph) Statistics', run: command('dgls.stats') },
    { label: '$(refresh) Restart the Server', run: command('dgls.restart') },
    { label: '$(gear) Settings', run: () => vscode.commands.executeCommand('workbench.action.openSettings', 'dgls.') },
  ]);
}

/** Asks what fills gaps, and sets it for all windows. */
export async function chooseEngine(): Promise<void> {
  await pick('What fills gaps', [
    {
      label: 'The bundled small model',
      detail: 'for trying dgls out; runs on any machine',
      run: () => choose({ engine: 'local', model: undefined }),
    },
    { label: 'A model on this machine…', detail: 'a folder or a hub id, loaded by the server', run: chooseModel },
    {
      label: "This machine's vLLM server",
      detail: 'one model for every window; dgls engine start starts it',
      run: () => choose({ engine: 'vllm', url: undefined }),
    },
    { label: 'A vLLM server at an address…', detail: 'such as http://gpu:8000', run: chooseAddress },
  ]);
}

async function chooseModel(): Promise<void> {
  const model = await ask('Model folder or hub id', 'google/diffusiongemma-26B-A4B-it');
  if (model) {
    await choose({ engine: 'local', model });
  }
}

async function chooseAddress(): Promise<void> {
  const url = await ask('Address of the vLLM server', 'http://gpu:8000');
  if (url) {
    await choose({ engine: 'vllm', url: [url] });
  }
}

/** Sets the engine; says so if that counts everywhere but here. */
async function choose(values: Record<string, unknown>): Promise<void> {
  const names = await config.set(values);
  if (names.length > 0) {
    const problem = `dgls: this folder's own settings (${names.join(', ')}) come first here; the choice counts elsewhere`;
    if (await vscode.window.showWarningMessage(problem, 'Open Them')) {
      await vscode.commands.executeCommand('workbench.action.openWorkspaceSettingsFile');
    }
  }
}

async function pick(title: string, choices: Choice[]): Promise<void> {
  const chosen = await vscode.window.showQuickPick(choices, { title, placeHolder: title });
  await chosen?.run();
}

async function ask(title: string, placeHolder: string): Promise<string | undefined> {
  return (await vscode.window.showInputBox({ title, placeHolder, ignoreFocusOut: true }))?.trim();
}
