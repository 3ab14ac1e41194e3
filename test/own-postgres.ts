import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, until } from '#testing';
import { startPostgres } from '../deploy/local/embedded-postgres.mjs';

/** A Postgres of a suite's own, that it may kill and bring back with what it kept. */
export class OwnPostgres {
  private constructor(
    private readonly where: { dataDirectory: string; port: number },
    private postgres: Awaited<ReturnType<typeof startPostgres>>,
  ) {}

  static async start(): Promise<OwnPostgres> {
    const folder = mkdtempSync(join(tmpdir(), 'collimator-postgres-'));
    chmodSync(folder, 0o755);
    const where = { dataDirectory: join(folder, 'data'), port: await freePort() };
    return new OwnPostgres(where, await startPostgres(where));
  }

  /** What a service needs in its environment to use it. */
  get env(): { DATABASE_URL: string } {
    return { DATABASE_URL: this.postgres.url };
  }

  async kill9(): Promise<void> {
    await this.postgres.kill9();
  }

  /** After {@link kill9}. The processes that served the connections may take a moment longer to notice. */
  async comeBack(): Promise<void> {
    this.postgres = await until(() => startPostgres(this.where), {
      what: 'Postgres to come back',
      within: 60_000,
      every: 200,
    });
  }

  async stop(): Promise<void> {
    await this.postgres.stop();
  }
}
