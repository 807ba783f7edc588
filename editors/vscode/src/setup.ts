// Which server is started: one that is there, or one that is installed after asking once.
import * as vscode from 'vscode';
import { find } from './command.ts';
import * as config from './config.ts';
import { findPython, install, isComplete, type Plan, programIn } from './environment.ts';

const ASKED = 'dgls.askedToInstall';
const WHAT_TO_INSTALL =
  'Install Python 3.11 or newer with its venv module (Debian: apt install python3 python3-venv), ' +
  'or set dgls.command to a dgls that is installed';

/** Why there is no server. */
export class NoServer extends Error {}

export class Setup {
  constructor(private readonly context: vscode.ExtensionContext) {}

  /** What starts the server; installs it if the user agrees. Throws NoServer. */
  async command(onInstall: () => void): Promise<string> {
    const plan = this.plan();
    const own = (await isComplete(plan)) ? programIn(plan.folder) : '';
    const found = find({ setting: config.setting('command', ''), env: process.env, own });
    if (found) {
      if ('command' in found) {
        return found.command;
      }
      throw new NoServer(found.problem);
    }
    if (this.context.globalState.get<boolean>(ASKED) || !(await this.agrees(plan))) {
      throw new NoServer('dgls is not installed: use "dgls: Install the Server", or set dgls.command');
    }
    onInstall();
    return this.install();
  }

  /** Makes our own environment, showing how far it is. Throws NoServer. */
  async install(): Promise<string> {
    const python = await findPython();
    if (!python) {
      throw new NoServer(`There is no Python for dgls. ${WHAT_TO_INSTALL}.`);
    }
    const plan = this.plan();
    const options = { location: vscode.ProgressLocation.Notification, title: 'Installing dgls', cancellable: true };
    await vscode.window.withProgress(options, async (progress, token) => {
      const stop = new AbortController();
      token.onCancellationRequested(() => stop.abort());
      try {
        await install(plan, python, (message) => progress.report({ message }), stop.signal);
      } catch (error) {
        const reason = stop.signal.aborted ? 'it was cancelled' : error instanceof Error ? error.message : String(error);
        throw new NoServer(`dgls could not be installed: ${reason}. "dgls: Install the Server" tries again`);
      }
    });
    return programIn(plan.folder);
  }

  /** Asks whether to install, this one time. */
  private async agrees(plan: Plan): Promise<boolean> {
    await this.context.globalState.update(ASKED, true);
    const size = plan.extras.includes('local') ? '1.5 GB (more where pip adds libraries for GPUs)' : '150 MB';
    const answer = await vscode.window.showInformationMessage(
      `dgls needs its server, about ${size} in VS Code's storage. Install it?`,
      'Install',
      'Not Now',
    );
    return answer === 'Install';
  }

  private plan(): Plan {
    const engine = config.setting<string>('engine', 'local');
    const file = (name: string) => vscode.Uri.joinPath(this.context.extensionUri, 'server', name).fsPath;
    const { version } = this.context.extension.packageJSON as { version: string };
    return {
      folder: vscode.Uri.joinPath(this.context.globalStorageUri, 'server').fsPath,
      wheel: file(`dgls-${version}-py3-none-any.whl`),
      constraints: file('constraints.txt'),
      extras: engine === 'local' ? ['local', 'vllm'] : engine === 'vllm' ? ['vllm'] : [],
    };
  }
}
