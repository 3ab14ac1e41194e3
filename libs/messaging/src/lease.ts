import { Client } from 'pg';
import type { Infrastructure, Logger } from '#platform';

const TRY_EVERY_MS = 500;

/**
 * Makes one process of a service the worker of a kind: it holds a Postgres session lock on a connection of its own.
 * If the process is killed its connection falls, and another process has the lease within about a second.
 */
export class Lease {
  private client?: Client;
  private timer?: NodeJS.Timeout;
  private isHeld = false;
  private stopped = false;

  constructor(
    private readonly name: string,
    private readonly database: Infrastructure['database'],
    private readonly logger: Logger,
    private readonly onHeld: () => void,
  ) {}

  /** True while this process is the one. */
  get held(): boolean {
    return this.isHeld;
  }

  /** Begins to try for the lease, quietly and for ever. */
  start(): void {
    void this.try();
  }

  /** Gives the lease up. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    this.isHeld = false;
    await this.client?.end().catch(() => undefined);
  }

  private async try(): Promise<void> {
    try {
      this.client ??= await this.connect();
      const { rows } = await this.client.query<{ held: boolean }>(
        'SELECT pg_try_advisory_lock(hashtext($1), hashtext($2)) AS held',
        [this.database.schema, this.name],
      );
      if (rows[0]?.held && !this.stopped) {
        this.isHeld = true;
        this.logger.info({ lease: this.name }, 'lease held');
        this.onHeld();
        return;
      }
    } catch (err) {
      this.logger.debug({ lease: this.name, err }, 'lease not to be had now');
      this.client = undefined;
    }
    this.again();
  }

  private async connect(): Promise<Client> {
    const client = new Client({ connectionString: this.database.url, keepAlive: true, connectionTimeoutMillis: 5000 });
    const lost = () => {
      if (this.client !== client) return;
      this.client = undefined;
      if (this.isHeld) this.logger.warn({ lease: this.name }, 'lease lost');
      this.isHeld = false;
      this.again();
    };
    client.on('error', lost);
    client.on('end', lost);
    await client.connect();
    return client;
  }

  private again(): void {
    clearTimeout(this.timer);
    if (!this.stopped) this.timer = setTimeout(() => void this.try(), TRY_EVERY_MS);
  }
}
