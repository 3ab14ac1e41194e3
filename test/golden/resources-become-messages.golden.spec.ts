import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  administrationMessage,
  documentMessage,
  doseMessage,
  envelopeTo,
  orderStatusMessage,
  reactionMessage,
  type MessageEnvelope,
} from '#mapping';
import { loadSite } from '#platform';

/**
 * Every `told/<kind>-<case>.in.json` is written as the services write it and compared with `<kind>-<case>.out.hl7`, a
 * segment a line. UPDATE_GOLDEN=1 writes what comes out now; read it before you commit it.
 */
const folder = join(import.meta.dirname, 'told');
const site = loadSite(join(import.meta.dirname, 'site.yaml'));
const envelope = envelopeTo(
  { application: 'EMR', facility: 'SGH' },
  { controlId: 'C1', now: new Date('2026-03-02T09:00:00Z') },
  site,
);
const update = process.env.UPDATE_GOLDEN === '1';

// The content of a file is what its writer takes; sets are lists there.
const writers: Record<string, (facts: never, envelope: MessageEnvelope) => Buffer> = {
  contrast: administrationMessage,
  reaction: (facts: Omit<Parameters<typeof reactionMessage>[0], 'toldBefore'> & { toldBefore: string[] }, to) =>
    reactionMessage({ ...facts, toldBefore: new Set(facts.toldBefore) }, to),
  document: documentMessage,
  dose: doseMessage,
  status: ({ news, order, patient }: Record<'news' | 'order' | 'patient', never>, to) =>
    orderStatusMessage(news, order, patient, to),
};

const cases = readdirSync(folder)
  .filter((file) => file.endsWith('.in.json'))
  .map((file) => file.replace('.in.json', ''));

describe('Golden messages', () => {
  it.each(cases)('%s', (name) => {
    const facts = JSON.parse(readFileSync(join(folder, `${name}.in.json`), 'utf8')) as never;
    const written = writers[name.split('-')[0]!]!(facts, envelope).toString('utf8').replaceAll('\r', '\n');
    const path = join(folder, `${name}.out.hl7`);
    if (update || !existsSync(path)) {
      if (!update) throw new Error(`${path} is missing: run with UPDATE_GOLDEN=1 and read what it writes`);
      writeFileSync(path, written);
    }
    expect(written).toBe(readFileSync(path, 'utf8'));
  });

  it('are there of every kind', () => {
    expect(new Set(cases.map((name) => name.split('-')[0]))).toEqual(new Set(Object.keys(writers)));
  });
});
