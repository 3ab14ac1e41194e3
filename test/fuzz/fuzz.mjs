import { join, resolve } from 'node:path';
import { loadSite } from '../../dist/libs/platform/src/index.js';
import { goldenCorpus } from '../../dist/test/fuzz/corpus.js';
import { fuzz } from '../../dist/test/fuzz/hl7-fuzz.js';

// `npm run fuzz [frames] [seed]`: a million mutated frames unless told otherwise.
const [frames = 1_000_000, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number);
const root = resolve(import.meta.dirname, '../..');
const MAX_RSS_MIB = 256;
/** Far above what any frame takes: a frame that hangs is a fault, a machine that is busy is not. */
const HANG_MS = 10_000;

const began = performance.now();
const report = fuzz(goldenCorpus(root), loadSite(join(root, 'test/golden/site.yaml')), { frames, seed });
const seconds = (performance.now() - began) / 1000;
console.log(`seed ${seed}: ${frames} frames in ${seconds.toFixed(0)} s (${Math.round(frames / seconds)}/s)`);
console.log(
  `slowest frame ${report.slowestMs.toFixed(0)} ms (number ${report.slowestFrame}), RSS at most ${report.rssMiB.toFixed(0)} MiB`,
);
for (const [outcome, count] of Object.entries(report.outcomes).sort(([, a], [, b]) => b - a))
  console.log(`${outcome.padEnd(8)} ${count}`);
for (const fault of report.faults.slice(0, 20)) console.log(`FAULT at frame ${fault.frame}: ${fault.error}`);
if (report.faults.length > 0 || report.rssMiB > MAX_RSS_MIB || report.slowestMs > HANG_MS) process.exitCode = 1;
console.log(process.exitCode ? `failed: ${report.faults.length} faults` : 'no fault');
