// The server's process and the client that speaks to it: started, started again after it ended, stopped.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type * as vscode from 'vscode';
import {
  CloseAction,
  DidChangeConfigurationNotification,
  ErrorAction,
  LanguageClient,
  type Middleware,
  RevealOutputChannelOn,
  type StaticFeature,
} from 'vscode-languageclient/node';
import type { Request } from './asking.ts';
import { Backoff } from './backoff.ts';
import * as config from './config.ts';
import { type Languages, selector } from './languages.ts';
import { DRAFT, type Draft, OUTCOME, type Outcome, STATUS, type Status } from './messages.ts';
import type { State } from './view.ts';

const STOP_WITHIN_MS = 2000;

/** What the rest of the extension hears of the server. */
export interface Events {
  state(state: State): void;
  draft(draft: Draft): void;
  outcome(outcome: Outcome): void;
  /** It ended again and again. */
  failing(reason: string): void;
}

interface Run {
  command: string;
  process: ChildProcessWithoutNullStreams;
  client: LanguageClient;
  began: number;
  told: Record<string, unknown>;
  lastWords: string;
}

export class Server {
  private run: Run | undefined;
  private again: NodeJS.Timeout | undefined;
  private stops = 0;
  private readonly backoff = new Backoff();

  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly middleware: Middleware,
    private readonly events: Events,
  ) {}

  /** Starts the server in place of the one that runs, unless a newer start or stop comes; how often it ended is forgotten. */
  async start(command: string): Promise<void> {
    const stopped = this.stop();
    const { stops } = this;
    await stopped;
    if (stops === this.stops) {
      this.backoff.reset();
      this.begin(command);
    }
  }

  async stop(): Promise<void> {
    this.stops += 1;
    clearTimeout(this.again);
    this.again = undefined;
    const run = this.run;
    this.run = undefined;
    if (run) {
      const kill = setTimeout(() => run.process.kill('SIGKILL'), STOP_WITHIN_MS);
      run.process.once('exit', () => clearTimeout(kill));
      if (run.client.isRunning()) {
        await run.client.dispose(STOP_WITHIN_MS).catch(() => undefined);
      } else {
        run.process.kill(); // it has not said a word yet, and could not be asked to leave
      }
    }
  }

  /** Asks the server something that LSP does not have. Rejects without a server. */
  readonly request: Request = (method, params, token) =>
    this.run ? this.run.client.sendRequest(method, params, token) : Promise.reject(new Error('there is no server'));

  /** Tells the server what the user changed in the settings. */
  async configure(): Promise<void> {
    if (this.run?.client.isRunning()) {
      const now = config.serverSettings();
      const settings = config.changed(this.run.told, now);
      this.run.told = now;
      await this.run.client.sendNotification(DidChangeConfigurationNotification.type, { settings: { dgls: settings } });
    }
  }

  private begin(command: string): void {
    this.events.state({ kind: 'starting' });
    this.log.info(`starting ${command} serve`);
    const process = spawn(command, ['serve'], { cwd: config.folder(), stdio: 'pipe' });
    const told = config.serverSettings();
    const client = new QuietClient(process, told, this.middleware, this.log);
    const run: Run = { command, process, client, began: Date.now(), told, lastWords: '' };
    this.run = run;
    process.stderr.on('data', (data: Buffer) => {
      run.lastWords = data.toString().trim().split('\n').at(-1) ?? '';
    });
    process.stdin.on('error', () => undefined); // the server is gone: its exit is what counts
    process.once('error', (error) => this.ended(run, error.message));
    process.once('exit', (code, signal) => this.ended(run, run.lastWords || `exit code ${code ?? signal ?? '?'}`));
    client.onNotification(STATUS, (status: Status) => this.events.state({ kind: 'running', status }));
    client.onNotification(DRAFT, (draft: Draft) => this.events.draft(draft));
    client.onNotification(OUTCOME, (outcome: Outcome) => this.events.outcome(outcome));
    client.start().catch((error: unknown) => {
      this.log.error(String(error));
      process.kill();
    });
  }

  private ended(run: Run, reason: string): void {
    if (this.run !== run) {
      return; // it was stopped on purpose
    }
    this.run = undefined;
    void run.client.dispose().catch(() => undefined);
    const { waitMs, tell } = this.backoff.ended(Date.now() - run.began);
    this.log.warn(`the server ended: ${reason}; it is started again after ${waitMs} ms`);
    this.events.state({ kind: 'restarting', reason, waitMs });
    if (tell) {
      this.events.failing(reason);
    }
    this.again = setTimeout(() => this.begin(run.command), waitMs);
  }
}

/** A client that says everything in its log and nothing in a popup. */
class QuietClient extends LanguageClient {
  constructor(
    process: ChildProcessWithoutNullStreams,
    told: Record<string, unknown>,
    middleware: Middleware,
    log: vscode.LogOutputChannel,
  ) {
    super('dgls', 'dgls', () => Promise.resolve(process), {
      documentSelector: selector(config.setting<Languages>('languages', {})),
      initializationOptions: told,
      outputChannel: log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      middleware,
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => ({ action: CloseAction.DoNotRestart, handled: true }),
      },
    });
    this.registerFeature(CAPABILITIES);
  }

  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

const CAPABILITIES: StaticFeature = {
  fillClientCapabilities(capabilities) {
    capabilities.experimental = { dgls: { status: true, draft: true, outcome: true } };
    // Our own item in the status bar shows how far the engine is.
    capabilities.window = { ...capabilities.window, workDoneProgress: false };
  },
  initialize: () => undefined,
  getState: () => ({ kind: 'static' }),
  clear: () => undefined,
};
