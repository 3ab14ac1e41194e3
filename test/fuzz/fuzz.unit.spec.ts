import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadSite } from '#platform';
import { goldenCorpus } from './corpus.js';
import { fuzz } from './hl7-fuzz.js';

const root = join(import.meta.dirname, '..', '..');

describe('Mutated messages', () => {
  it('each end in an acknowledgement or a refusal', () => {
    const site = loadSite(join(root, 'test', 'golden', 'site.yaml'));
    const { faults, outcomes } = fuzz(goldenCorpus(root), site, { frames: 3000, seed: 20_260_302 });
    expect(faults).toEqual([]);
    // The run is worth something only if both kinds come about.
    expect(Object.keys(outcomes)).toEqual(expect.arrayContaining(['AA', 'AE 101', 'AE 103', 'AR 100', 'AR 201']));
  });
});
