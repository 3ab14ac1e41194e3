import { spawnSync } from 'node:child_process';
import { buildIfStale, installIfNeeded, root } from './prepare.mjs';

// `npm run fuzz [frames] [seed]`: installs and builds if need be, then runs in a process with the services' own bounds.
installIfNeeded(console.log);
buildIfStale(console.log);
const { nodeFlags } = await import('./services.mjs');
const run = spawnSync(process.execPath, [...nodeFlags, 'test/fuzz/fuzz.mjs', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exitCode = run.status ?? 1;
