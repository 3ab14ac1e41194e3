/** A real Postgres as a child process; see embedded-postgres.mjs. */
export interface EmbeddedPostgres {
  url: string;
  port: number;
  dataDirectory: string;
  stop(): Promise<void>;
  kill9(): Promise<void>;
}
export function startPostgres(options: { dataDirectory: string; port?: number }): Promise<EmbeddedPostgres>;
