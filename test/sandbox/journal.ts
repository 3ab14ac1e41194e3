/** One thing that the sandbox hospital sent or got. */
export interface JournalEntry {
  /** Counts up from 1. */
  number: number;
  /** ISO 8601. */
  time: string;
  /** Which of its systems: EMR, scanner, PACS, reporting, technologist. */
  who: string;
  /** One line for people. */
  what: string;
  /** The content as it went over the wire, where a test may want to look at it. */
  content?: unknown;
}

/** What happened in the sandbox hospital, in order. All its patients are invented, so everything may be kept and shown. */
export class Journal {
  readonly entries: JournalEntry[] = [];
  private readonly listeners = new Set<(entry: JournalEntry) => void>();

  write(who: string, what: string, content?: unknown): JournalEntry {
    const entry = { number: this.entries.length + 1, time: new Date().toISOString(), who, what, content };
    this.entries.push(entry);
    for (const listener of this.listeners) listener(entry);
    return entry;
  }

  /** Calls the listener for each new entry until the returned function is called. */
  follow(listener: (entry: JournalEntry) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
