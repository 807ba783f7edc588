// Ghost text: which requests reach the server, and what is done with its answers.
import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';
import type { Drafts } from './drafts.ts';
import type { Outcome } from './messages.ts';
import type { Pause } from './pause.ts';
import type { Stats } from './stats.ts';
import type { Taken } from './tail.ts';

export const TAKEN = 'dgls.taken';

type Provide = NonNullable<Middleware['provideInlineCompletionItems']>;
type Items = Awaited<ReturnType<Provide>>;

export class Ghost {
  private outcome: Outcome | undefined;
  private shown: { document: vscode.TextDocument; version: number } | undefined;

  constructor(
    private readonly pause: Pause,
    private readonly drafts: Drafts,
    private readonly stats: Stats,
    private readonly isForEdit: (document: vscode.TextDocument) => boolean,
  ) {}

  /** Takes note of what became of a request; its answer comes next. */
  told(outcome: Outcome): void {
    this.outcome = outcome;
    this.stats.answered(outcome);
  }

  /** Why there is nothing to show in a document, if that is so. */
  silence(document: vscode.TextDocument): string | undefined {
    const isOurs = this.outcome?.textDocument.uri === document.uri.toString();
    return isOurs ? (this.outcome?.silence ?? undefined) : undefined;
  }

  /** Whether the last answer about a document as it is now had ghost text. */
  isShown(document: vscode.TextDocument): boolean {
    return this.shown?.document === document && this.shown.version === document.version;
  }

  /** The middleware of the client. */
  readonly provide: Provide = async (document, position, context, token, next) => {
    const automatic = context.triggerKind === vscode.InlineCompletionTriggerKind.Automatic;
    if (this.isForEdit(document) || (automatic && this.pause.reason(document))) {
      return [];
    }
    const draft = context.selectedCompletionInfo ? undefined : this.drafts.begin(document, position);
    let items: Items;
    try {
      items = await next(document, position, context, token);
    } finally {
      // In the same turn as the answer: the editor draws the ghost text where the draft stood, without a gap.
      draft?.dispose();
    }
    return token.isCancellationRequested ? undefined : this.marked(document, items);
  };

  /** The items, each with a command that tells when it is taken. */
  private marked(document: vscode.TextDocument, items: Items): Items {
    const list = Array.isArray(items) ? items : (items?.items ?? []);
    this.shown = list.length > 0 ? { document, version: document.version } : undefined;
    for (const [index, item] of list.entries()) {
      if (typeof item.insertText === 'string' && item.range) {
        const unsureFrom = this.outcome?.unsureFrom[index] ?? null;
        const taken: Taken = { uri: document.uri, start: item.range.start, text: item.insertText, unsureFrom };
        item.command = { title: '', command: TAKEN, arguments: [taken] };
      }
    }
    return items;
  }
}
