import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { acknowledge, Hl7Refusal, parseMessage } from '#hl7v2';
import { checkEnvelope, placedAsItCame, readMessage, type AppliedRow } from '#mapping';
import { loadSite } from '#platform';
import { readers } from './readers.js';

/**
 * Every `<family>/<case>.in.hl7` is read as the services read it and compared with `<case>.out.json`. `null` stands for
 * an element the message deletes. UPDATE_GOLDEN=1 writes what comes out now; read it before you commit it.
 */
const root = import.meta.dirname;
const site = loadSite(join(root, 'site.yaml'));
const update = process.env.UPDATE_GOLDEN === '1';

function outcomeOf(bytes: Buffer): unknown {
  let applied: AppliedRow[] = [];
  try {
    const read = readMessage(bytes, site);
    ({ applied } = read);
    const { message } = read;
    const sender = checkEnvelope(message, site, Object.keys(readers));
    return readers[message.type]!(message, sender, site);
  } catch (error) {
    if (!(error instanceof Hl7Refusal)) throw error;
    const { acknowledgement, errorCode, place, message: text } = placedAsItCame(error, applied);
    return { acknowledgement, errorCode, place, text };
  }
}

const written = (outcome: unknown): string =>
  `${JSON.stringify(outcome, (_key, value: unknown) => (value === undefined ? null : value), 2)}\n`;

const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const cases = folders.flatMap(({ name: family }) =>
  readdirSync(join(root, family))
    .filter((file) => file.endsWith('.in.hl7'))
    .map((file) => ({ family, name: file.replace('.in.hl7', ''), bytes: readFileSync(join(root, family, file)) })),
);
// What we write ourselves stands in a folder of its own and is not read here.
const families = [...new Set(cases.map(({ family }) => family))];

describe.each(families)('%s', (family) => {
  it.each(cases.filter((one) => one.family === family))('$name', ({ name, bytes }) => {
    const file = join(root, family, `${name}.out.json`);
    const outcome = written(outcomeOf(bytes));
    if (update) writeFileSync(file, outcome);
    expect(outcome).toBe(readFileSync(file, 'utf8'));
    // The same message twice gives the same resources.
    expect(written(outcomeOf(bytes))).toBe(outcome);
  });
});

describe('The golden files', () => {
  it('are many, and none is left without its message', () => {
    expect(cases.length).toBeGreaterThanOrEqual(30);
    for (const family of families)
      for (const file of readdirSync(join(root, family)).filter((one) => one.endsWith('.out.json')))
        expect(existsSync(join(root, family, file.replace('.out.json', '.in.hl7')))).toBe(true);
  });

  it('tell of a refusal without a value of the message', () => {
    const names = ['Beispiel', 'Berta', '700001', '19610417'];
    for (const { bytes } of cases) {
      const outcome = outcomeOf(bytes);
      if (!(typeof outcome === 'object' && outcome !== null && 'errorCode' in outcome)) continue;
      for (const name of names) expect(JSON.stringify(outcome)).not.toContain(name);
    }
  });

  it('are acknowledged in the sender’s version', () => {
    const message = parseMessage(cases.find((one) => one.name === 'new-order')!.bytes);
    const from = { application: 'C', facility: 'S', controlId: 'A1', now: new Date(0) };
    expect(parseMessage(acknowledge(message, undefined, from)).version).toBe(message.version);
  });
});
