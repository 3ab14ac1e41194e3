/** What a code table says of a code; undefined if it does not have it, also where an object has something of that name. */
export function ofTable<T>(table: Readonly<Record<string, T>>, code: string | undefined): T | undefined {
  return code !== undefined && Object.hasOwn(table, code) ? table[code] : undefined;
}
