// The extension: its parts, and what connects them.
import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';
import * as config from './config.ts';
import { Drafts } from './drafts.ts';
import type { Edits } from './edits.ts';
import { Ghost, TAKEN } from './ghost.ts';
import { isWanted, type Languages } from './languages.ts';
import { chooseEngine, showMenu } from './menu.ts';
import { Pause } from './pause.ts';
import { doctor, reports, showText } from './reports.ts';
import type { Events, Server } from './server.ts';
import { NoServer, NOT_INSTALLED, Setup } from './setup.ts';
import { Stats } from './stats.ts';
import { StatusBar } from './status.ts';
import { Tail, type Taken } from './tail.ts';
import type { State } from './view.ts';

declare const bundleBegan: { ms: number; cpu: NodeJS.CpuUsage }; // esbuild.mjs

// VS Code's own commands, under the names of ours.
const ALIASES = {
  'dgls.fill': 'editor.action.inlineSuggest.trigger',
  'dgls.accept': 'editor.action.inlineSuggest.commit',
  'dgls.acceptWord': 'editor.action.inlineSuggest.acceptNextWord',
  'dgls.acceptLine': 'editor.action.inlineSuggest.acceptNextLine',
  'dgls.next': 'editor.action.inlineSuggest.showNext',
  'dgls.previous': 'editor.action.inlineSuggest.showPrevious',
};

let extension: Extension | undefined;

export function activate(context: vscode.ExtensionContext): void {
  extension = new Extension(context);
  extension.wake();
  const cpu = process.cpuUsage(bundleBegan.cpu);
  extension.activation = { ms: performance.now() - bundleBegan.ms, cpuMs: (cpu.user + cpu.system) / 1000 };
}

export async function deactivate(): Promise<void> {
  await extension?.stop();
}

class Extension {
  activation = { ms: 0, cpuMs: 0 };
  private readonly log = vscode.window.createOutputChannel('dgls', { log: true });
  private readonly pause = new Pause();
  private readonly stats = new Stats();
  private readonly drafts = new Drafts();
  private readonly tail = new Tail();
  private readonly ghost = new Ghost(
    this.pause,
    this.drafts,
    this.stats,
    (document) => this.edits?.takesTurn(document) ?? false,
  );
  private readonly setup: Setup;
  private readonly status: StatusBar;
  private server: Server | undefined;
  private edits: Edits | undefined;
  private begun = false;
  private starts = 0;

  constructor(private readonly context: vscode.ExtensionContext) {
    this.setup = new Setup(context);
    this.status = new StatusBar((document) => this.about(document));
    context.subscriptions.push(
      this.log,
      this.drafts,
      this.tail,
      this.status,
      reports(),
      ...this.commands(),
      vscode.window.onDidChangeActiveTextEditor(() => this.status.refresh()),
      vscode.workspace.onDidOpenTextDocument(() => this.wake()),
      vscode.workspace.onDidChangeConfiguration((event) => void this.configured(event)),
    );
  }

  /** Starts the server once a document needs it. */
  wake(): void {
    const languages = config.setting<Languages>('languages', {});
    if (!this.begun && vscode.workspace.textDocuments.some((document) => isWanted(languages, document))) {
      void this.start();
    }
  }

  private async start(find = () => this.found()): Promise<void> {
    this.begun = true;
    this.starts += 1;
    const start = this.starts;
    let command: string;
    try {
      command = await find();
    } catch (error) {
      const reason = error instanceof NoServer ? error.message : String(error);
      this.log.error(reason);
      if (start === this.starts) {
        await this.stop();
        this.show({ kind: 'missing', reason });
        if (reason !== NOT_INSTALLED) {
          await this.tell(reason); // where the user said no, or was asked before, the status bar is enough
        }
      }
      return;
    }
    // The settings may have changed while the user was asked: then the newest start counts.
    if (start === this.starts) {
      await this.serve(command);
    }
  }

  private async serve(command: string): Promise<void> {
    // The language client is most of what is shipped; it is not even read before a document needs it.
    const { Server } = await import('./server.js');
    const server = (this.server ??= new Server(this.log, this.middleware(), this.events()));
    const { Edits } = await import('./edits.js');
    if (!this.edits) {
      this.edits = new Edits(server.request, {
        isHeld: (document) => this.isHeld(document),
        hasGhost: (document) => this.ghost.isShown(document),
      });
      this.context.subscriptions.push(this.edits);
    }
    await server.start(command);
  }

  /** Whether nothing is asked for in a document by itself. */
  private isHeld(document: vscode.TextDocument): boolean {
    return !isWanted(config.setting<Languages>('languages', {}), document) || this.pause.reason(document) !== undefined;
  }

  private middleware(): Middleware {
    return {
      provideInlineCompletionItems: this.ghost.provide,
      executeCommand: async (id, given, next): Promise<unknown> => (await this.edits?.command(id, given)) === true || next(id, given),
    };
  }

  async stop(): Promise<void> {
    await this.server?.stop();
  }

  private found(): Promise<string> {
    return this.setup.command((agreed) =>
      this.show(agreed ? { kind: 'installing' } : { kind: 'missing', reason: NOT_INSTALLED }),
    );
  }

  private events(): Events {
    return {
      state: (state) => this.show(state),
      draft: (draft) => this.drafts.show(draft),
      outcome: (outcome) => {
        this.ghost.told(outcome);
        this.status.refresh();
      },
      failing: (reason) => void this.tell(`the server ends again and again (${reason})`),
    };
  }

  private commands(): vscode.Disposable[] {
    const aliases = Object.entries(ALIASES).map(
      ([ours, theirs]) => [ours, () => vscode.commands.executeCommand(theirs)] as const,
    );
    const own: Record<string, (given?: unknown) => unknown> = {
      'dgls.nextEdit': (byKey?: unknown) => this.edits?.next(byKey === true),
      'dgls.dismissEdit': () => this.edits?.dismiss(),
      'dgls.rewriteSelection': () => this.edits?.rewriteSelection(),
      'dgls.fillGapsInFile': () => this.edits?.fillGapsInFile(),
      'dgls.fillGapWith': () => this.edits?.fillGapWith(),
      'dgls.applyPreview': () => this.edits?.applyPreview(),
      'dgls.dismissPreview': () => this.edits?.dismissPreview(),
      'dgls.menu': () => showMenu(this.title(), this.document && this.pause.reason(this.document)),
      'dgls.engine': chooseEngine,
      'dgls.pauseFile': () => this.paused((document) => this.pause.file(document)),
      'dgls.pauseLanguage': () => this.paused((document) => this.pause.language(document)),
      'dgls.pauseHour': () => this.pausedForAnHour(),
      'dgls.resume': () => this.paused((document) => this.pause.resume(document)),
      'dgls.restart': () => this.start(),
      'dgls.install': () => this.start(() => this.installed()),
      'dgls.log': () => this.log.show(),
      'dgls.walkthrough': () => this.openWalkthrough(),
      'dgls.stats': () => showText('dgls statistics', this.stats.report(this.facts())),
      'dgls.doctor': async () => showText('dgls doctor', await doctor(await this.setup.command(() => undefined))),
    };
    return [
      ...[...aliases, ...Object.entries(own)].map(([id, run]) => vscode.commands.registerCommand(id, run)),
      vscode.commands.registerCommand(TAKEN, (taken: Taken) => {
        this.stats.took(taken.text);
        this.tail.took(taken);
      }),
    ];
  }

  private openWalkthrough(): Thenable<unknown> {
    const walkthrough = `${this.context.extension.id}#start`;
    return vscode.commands.executeCommand('workbench.action.openWalkthrough', walkthrough, false);
  }

  private async installed(): Promise<string> {
    this.show({ kind: 'installing' });
    return this.setup.install();
  }

  private async configured(event: vscode.ConfigurationChangeEvent): Promise<void> {
    if (event.affectsConfiguration('dgls.command') || event.affectsConfiguration('dgls.languages')) {
      this.begun = false;
      await this.stop();
      this.show({ kind: 'asleep' });
      this.wake();
    } else if (event.affectsConfiguration('dgls')) {
      await this.server?.configure();
    }
  }

  private get document(): vscode.TextDocument | undefined {
    return vscode.window.activeTextEditor?.document;
  }

  private about(document: vscode.TextDocument): { paused?: string; silence?: string } {
    const paused = this.pause.reason(document);
    const silence = this.ghost.silence(document);
    return { ...(paused && { paused }), ...(silence && { silence }) };
  }

  private paused(act: (document: vscode.TextDocument) => void): void {
    if (this.document) {
      act(this.document);
      this.status.refresh();
    }
  }

  private pausedForAnHour(): void {
    setTimeout(() => this.status.refresh(), this.pause.hour() + 1000);
    this.status.refresh();
  }

  private show(state: State): void {
    this.status.state = state;
    this.status.refresh();
  }

  private title(): string {
    const { state } = this.status;
    return state.kind === 'running' ? `dgls: ${state.status.engine} is ${state.status.state}` : 'dgls';
  }

  private facts(): string[] {
    const { ms, cpuMs } = this.activation;
    return [`activation:         ${ms.toFixed(0)} ms of own code, ${cpuMs.toFixed(0)} ms of CPU time`];
  }

  private async tell(problem: string): Promise<void> {
    const chosen = await vscode.window.showErrorMessage(`dgls: ${problem}`, 'Open the Log', 'Settings');
    if (chosen === 'Open the Log') {
      this.log.show();
    } else if (chosen === 'Settings') {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'dgls.command');
    }
  }
}
