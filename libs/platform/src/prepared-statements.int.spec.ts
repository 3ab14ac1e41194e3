import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { testDatabase, type TestDatabase } from '#testing';

let database: TestDatabase;
let dataSource: DataSource;
beforeAll(async () => {
  database = await testDatabase();
  ({ dataSource } = database);
});
afterAll(() => database.drop());

/** Statements prepared on one connection, after so many uses of a text there. */
async function preparedAfter(uses: number, text: string, values?: unknown[]): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    for (let use = 1; use <= uses; use++) expect(await runner.query(text, values)).toEqual([{ one: 1 }]);
    const prepared: { statement: string }[] = await runner.query('SELECT statement FROM pg_prepared_statements');
    return prepared.map(({ statement }) => statement).filter((statement) => statement === text);
  } finally {
    await runner.release();
  }
}

it('prepares a statement once it is used often, and not before', async () => {
  const text = 'SELECT $1::int AS one';
  expect(await preparedAfter(4, text, [1])).toEqual([]);
  expect(await preparedAfter(1, text, [1])).toEqual([text]);
});

it('sends a statement without values as it is', async () => {
  expect(await preparedAfter(10, 'SELECT 1 AS one')).toEqual([]);
});

it('fails as the statement does, prepared or not', async () => {
  for (let use = 1; use <= 7; use++)
    await expect(dataSource.query('SELECT 1 / $1::int AS one', [0])).rejects.toMatchObject({ code: '22012' });
});
