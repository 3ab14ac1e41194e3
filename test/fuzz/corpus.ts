import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The messages of the golden files, in a fixed order. */
export function goldenCorpus(root: string): Buffer[] {
  const golden = join(root, 'test', 'golden');
  const families = readdirSync(golden, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return families
    .flatMap(({ name }) => readdirSync(join(golden, name)).map((file) => join(golden, name, file)))
    .filter((file) => file.endsWith('.in.hl7'))
    .sort()
    .map((file) => readFileSync(file));
}
