// What is paused: one file, one language, or everything for a while.

const HOUR_MS = 3_600_000;

interface Where {
  uri: { toString(): string };
  languageId: string;
}

/** Automatic requests that are held back; asking by command still works. */
export class Pause {
  private readonly files = new Set<string>();
  private readonly languages = new Set<string>();
  private until = 0;

  constructor(private readonly now: () => number = Date.now) {}

  /** Why nothing is asked for in this document; undefined if something is. */
  reason(where: Where): string | undefined {
    if (this.now() < this.until) {
      return `paused for ${Math.ceil((this.until - this.now()) / 60_000)} min`;
    }
    if (this.files.has(where.uri.toString())) {
      return 'paused in this file';
    }
    return this.languages.has(where.languageId) ? `paused for ${where.languageId}` : undefined;
  }

  file(where: Where): void {
    this.files.add(where.uri.toString());
  }

  language(where: Where): void {
    this.languages.add(where.languageId);
  }

  /** Pauses everything for an hour; how long that is in milliseconds. */
  hour(): number {
    this.until = this.now() + HOUR_MS;
    return HOUR_MS;
  }

  /** Ends every pause that holds in this document. */
  resume(where: Where): void {
    this.until = 0;
    this.files.delete(where.uri.toString());
    this.languages.delete(where.languageId);
  }
}
