// What this window has seen of ghost text. It stays here: nothing is sent anywhere or written to disk.

/** Counts of one window since it was opened. */
export class Stats {
  shown = 0;
  taken = 0;
  takenChars = 0;
  readonly silences = new Map<string, number>();
  private readonly ms: number[] = [];

  answered(outcome: { silence?: string | null; ms: number }): void {
    this.ms.push(outcome.ms);
    if (outcome.silence) {
      this.silences.set(outcome.silence, (this.silences.get(outcome.silence) ?? 0) + 1);
    } else {
      this.shown += 1;
    }
  }

  took(text: string): void {
    this.taken += 1;
    this.takenChars += text.length;
  }

  /** The counts for people. */
  report(facts: string[]): string {
    const silences = [...this.silences].sort(([, a], [, b]) => b - a).map(([why, n]) => `${n} ${why}`);
    return [
      'dgls in this window (kept in memory only, sent nowhere)',
      '',
      `answers:            ${this.ms.length}`,
      `  with a fill:      ${this.shown}`,
      `  without:          ${this.ms.length - this.shown}${silences.length > 0 ? ` (${silences.join(', ')})` : ''}`,
      `taken as a whole:   ${this.taken} (${this.takenChars} characters)`,
      `time of an answer:  p50 ${this.percentile(50)}, p95 ${this.percentile(95)}, pause included`,
      ...facts,
      '',
    ].join('\n');
  }

  /** The time that so many percent of the answers did not exceed. */
  private percentile(percent: number): string {
    const sorted = [...this.ms].sort((a, b) => a - b);
    const found = sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];
    return found === undefined ? '-' : `${found.toFixed(0)} ms`;
  }
}
