// How long to wait before a server that ended is started again.

const FIRST_MS = 500;
const LONGEST_MS = 60_000;
// A server that ran this long is taken to be well; the next end counts as the first.
const WELL_AFTER_MS = 60_000;
// One end may be chance, and a restart mends it; from this one on the user should know.
const TELL_AT = 3;

/** Counts how often a server ended in a row. */
export class Backoff {
  private ends = 0;

  /** What to do about the end of a server that ran for so long. */
  ended(ranMs: number): { waitMs: number; tell: boolean } {
    this.ends = ranMs >= WELL_AFTER_MS ? 1 : this.ends + 1;
    return { waitMs: Math.min(FIRST_MS * 2 ** (this.ends - 1), LONGEST_MS), tell: this.ends === TELL_AT };
  }

  /** Forgets all ends, as after a restart by hand. */
  reset(): void {
    this.ends = 0;
  }
}
