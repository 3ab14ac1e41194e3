import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildIfStale, installIfNeeded, root } from './prepare.mjs';
import { giveUp } from './refusal.mjs';
import { requireNode } from './tools.mjs';

/**
 * `npm test`: everything, from a fresh clone. Arguments go to Jest: with any, only Jest runs (after the build), such
 * as `npm test -- --selectProjects unit`. The last line is the count: `N passed, N failed`.
 */
const args = process.argv.slice(2);
try {
  requireNode();
  installIfNeeded(console.log);
  buildIfStale(console.log);
} catch (error) {
  giveUp(error);
}
const broken = args.length === 0 ? await brokenRules() : [];
const { counts, status } = await jest(args);
for (const rule of broken) console.log(`${rule} failed (see above)`);
if (counts.passed + counts.failed === 0) console.log('No test ran: that is a failure too.');
console.log(
  `${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`,
);
process.exitCode = status !== 0 || counts.failed > 0 || counts.passed === 0 || broken.length > 0 ? 1 : 0;

/** Types (specs too), import rules and format. */
async function brokenRules() {
  const rules = {
    'Type check': ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json'],
    Lint: ['node_modules/eslint/bin/eslint.js', '.'],
    'Format check (npm run format mends it)': [
      'node_modules/prettier/bin/prettier.cjs',
      '--check',
      '--log-level=warn',
      '.',
    ],
  };
  const failed = [];
  for (const [rule, command] of Object.entries(rules)) if ((await node(command)) !== 0) failed.push(rule);
  return failed;
}

/** @param {string[]} passedOn */
async function jest(passedOn) {
  const folder = mkdtempSync(join(tmpdir(), 'collimator-jest-'));
  const report = join(folder, 'report.json');
  try {
    const status = await node([
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      'node_modules/jest/bin/jest.js',
      '--json',
      `--outputFile=${report}`,
      ...passedOn,
    ]);
    return { status, counts: countsIn(report) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} report
 * @returns {{ passed: number, failed: number, skipped: number }} a file that could not run counts as one failed test
 */
function countsIn(report) {
  try {
    const jestCounts = JSON.parse(readFileSync(report, 'utf8'));
    return {
      passed: jestCounts.numPassedTests,
      failed: jestCounts.numFailedTests + jestCounts.numRuntimeErrorTestSuites,
      skipped: jestCounts.numPendingTests + jestCounts.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

/**
 * @param {string[]} command
 * @returns {Promise<number>} exit status; 1 when a signal ended it
 */
function node(command) {
  return new Promise((resolve) => {
    // Jest's JSON goes to the report file; its words for people go to standard error.
    const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('close', (code) => resolve(code ?? 1));
    child.on('error', () => resolve(1));
  });
}
