// Edit suggestions: asked for when the user pauses or by a command, shown in the text or as a diff, applied or dismissed.
import * as vscode from 'vscode';
import { type Answer, Asking, fromTheStart, type Request, type Suggested } from './asking.ts';
import { type Display, firstOf, isJump, Marks, Native, type Smallest } from './display.ts';
import { FILL_GAPS, FILL_WITH, NEXT_EDITS, REWRITE } from './messages.ts';
import { Preview } from './preview.ts';
import { askForRequired, askHowToRewrite } from './questions.ts';

const SILENCE_FOR_MS = 5000;
const REQUEST_CANCELLED = -32800;

// The server's own commands, which its code actions name: what they would have VS Code apply can be asked for as well.
const COMMANDS: Readonly<Record<string, { name: string; method: string; more?: object }>> = {
  'dgls.rewrite': { name: 'Rewrite', method: REWRITE },
  'dgls.fillGaps': { name: 'Fill the gaps', method: FILL_GAPS },
  'dgls.nextEdits.apply': { name: 'Next edits', method: NEXT_EDITS, more: fromTheStart() },
};

/** What else goes on in a document. */
export interface Surroundings {
  /** Nothing is asked for by itself. */
  isHeld(document: vscode.TextDocument): boolean;
  /** Ghost text is shown. */
  hasGhost(document: vscode.TextDocument): boolean;
}

export class Edits implements vscode.Disposable {
  private suggested: Suggested | undefined;
  private display = newDisplay(() => this.forget());
  private readonly preview = new Preview();
  private readonly asking: Asking;
  private readonly listeners = [
    vscode.workspace.onDidChangeTextDocument((event) => this.changed(event)),
    vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => this.refresh(textEditor)),
    vscode.window.onDidChangeActiveTextEditor(() => this.forget()),
    vscode.workspace.onDidChangeConfiguration((event) => this.configured(event)),
  ];

  constructor(
    request: Request,
    private readonly around: Surroundings,
  ) {
    this.asking = new Asking(request, (suggested) => this.found(suggested));
  }

  /** Whether a request for ghost text is none, but how an edit gets drawn. */
  takesTurn(document: vscode.TextDocument): boolean {
    return this.display instanceof Native && this.display.takesTurn(document);
  }

  /** Jumps to the next edit, or applies it if it is near; asks for it if none is known. */
  async next(byKey: boolean): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const suggested = editor && this.suggestedFor(editor.document);
    const edit = suggested && firstOf(suggested);
    if (!editor || !edit) {
      // A key that was pressed right after another means what it means without us.
      await (byKey ? vscode.commands.executeCommand('tab') : this.askNext(editor));
    } else if (isJump(edit.range, editor)) {
      editor.selection = new vscode.Selection(edit.range.start, edit.range.start);
      editor.revealRange(edit.range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    } else {
      await apply(editor, edit);
    }
  }

  /** Takes away what is shown, until something changes. */
  async dismiss(): Promise<void> {
    this.asking.stop();
    this.forget();
    await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
  }

  /** Shows as a diff what a command of the server comes to; false for other commands. */
  async command(id: string, [given]: unknown[]): Promise<boolean> {
    const command = COMMANDS[id];
    const params = given as { textDocument: { uri: string } } | undefined;
    const document = vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === params?.textDocument.uri);
    if (command && document) {
      await this.previewed(command.name, document, command.method, { ...params, ...command.more });
    }
    return command !== undefined && document !== undefined;
  }

  async rewriteSelection(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const wanted = editor && (await askHowToRewrite());
    if (wanted) {
      const { document, selection } = editor;
      const range = selection.isEmpty ? document.lineAt(selection.active).range : selection;
      await this.previewed('Rewrite', document, REWRITE, { range: plain(range), ...wanted });
    }
  }

  async fillGapsInFile(): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    if (document) {
      await this.previewed('Fill the gaps', document, FILL_GAPS, {});
    }
  }

  async fillGapWith(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const text = editor && (await askForRequired());
    if (text) {
      const params = { range: plain(editor.selection), text };
      this.show(await asked('fill with', () => this.asking.ask(FILL_WITH, editor.document, params)));
    }
  }

  applyPreview(): Promise<void> {
    return this.preview.apply();
  }

  dismissPreview(): Promise<void> {
    return this.preview.close();
  }

  dispose(): void {
    this.asking.stop();
    vscode.Disposable.from(...this.listeners, this.display, this.preview).dispose();
  }

  private changed({ document, contentChanges, reason }: vscode.TextDocumentChangeEvent): void {
    const editor = vscode.window.activeTextEditor;
    if (contentChanges.length === 0 || editor?.document !== document) {
      return;
    }
    this.asking.stop();
    this.forget();
    // Who undoes does not want to be told what follows from that.
    if (reason === undefined && mode() !== 'off' && wantsNextEdits() && !this.around.isHeld(document)) {
      this.asking.later(editor);
    }
  }

  private configured(event: vscode.ConfigurationChangeEvent): void {
    if (event.affectsConfiguration('dgls.inlineEdits')) {
      this.asking.stop();
      this.forget();
      this.display.dispose();
      this.display = newDisplay(() => this.forget());
    }
  }

  /** Draws anew what depends on the cursor. */
  private refresh(editor: vscode.TextEditor): void {
    const suggested = this.suggestedFor(editor.document);
    if (suggested && this.display instanceof Marks) {
      this.display.show(suggested, editor);
    }
  }

  /** Shows what nobody asked for, but not in place of ghost text: that is where the user is. */
  private found(suggested: Suggested): void {
    if (!(this.display instanceof Native && this.around.hasGhost(suggested.document))) {
      this.show(suggested);
    }
  }

  private show(suggested: Suggested | undefined): void {
    this.forget();
    const editor = vscode.window.activeTextEditor;
    if (suggested && editor?.document === suggested.document) {
      this.suggested = suggested;
      this.display.show(suggested, editor);
    }
  }

  private forget(): void {
    this.suggested = undefined;
    this.display.clear();
  }

  /** What is suggested for a document as it is now. */
  private suggestedFor(document: vscode.TextDocument): Suggested | undefined {
    const suggested = this.suggested;
    return suggested?.document === document && suggested.version === document.version ? suggested : undefined;
  }

  private async askNext(editor: vscode.TextEditor | undefined): Promise<void> {
    if (editor) {
      this.show(await asked('next edit', () => this.asking.nextEdits(editor)));
    }
  }

  private async previewed(name: string, document: vscode.TextDocument, method: string, params: object): Promise<void> {
    const found = await asked(name.toLowerCase(), () => this.asking.ask(method, document, params));
    if (found) {
      await this.preview.show(name, found);
    }
  }
}

/** The edits that a question comes to; if that is nothing, the user is told why. */
async function asked(name: string, ask: () => Promise<Answer | undefined>): Promise<Suggested | undefined> {
  const options = { location: vscode.ProgressLocation.Window, title: `dgls: ${name}` };
  const answer = await vscode.window.withProgress(options, () =>
    ask().catch((error: unknown) => ({ silence: whyNot(error) })),
  );
  if (answer && 'silence' in answer) {
    vscode.window.setStatusBarMessage(`dgls: ${name}: nothing to show (${answer.silence})`, SILENCE_FOR_MS);
    return undefined;
  }
  return answer;
}

function whyNot(error: unknown): string {
  const isCancelled = (error as { code?: number }).code === REQUEST_CANCELLED;
  return isCancelled ? 'it gave way to a fill; ask again' : error instanceof Error ? error.message : String(error);
}

/** Applies an edit in one step, and puts the cursor behind it. */
async function apply(editor: vscode.TextEditor, { range, text }: Smallest): Promise<void> {
  if (await editor.edit((builder) => builder.replace(range, text))) {
    const { document } = editor;
    const end = document.positionAt(document.offsetAt(range.start) + text.length);
    editor.selection = new vscode.Selection(end, end);
  }
}

/** How edits are drawn: as the setting says, as far as VS Code lets us. */
function newDisplay(rejected: () => void): Display {
  if (mode() !== 'decorations') {
    try {
      return new Native(rejected);
    } catch {
      // Not without the proposed API.
    }
  }
  return new Marks();
}

function mode(): string {
  return vscode.workspace.getConfiguration('dgls').get<string>('inlineEdits', 'auto');
}

function wantsNextEdits(): boolean {
  return vscode.workspace.getConfiguration('dgls').get<string>('next_edits', 'auto') !== 'off';
}

function plain({ start, end }: vscode.Range): object {
  const at = ({ line, character }: vscode.Position) => ({ line, character });
  return { start: at(start), end: at(end) };
}
