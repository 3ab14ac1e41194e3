import { spawnSync } from 'node:child_process';
import { buildIfStale, installIfNeeded, root } from './prepare.mjs';

// `npm run fuzz [frames] [seed]`, `npm run simulate-day [days] [seed]`: installs and builds if need be, then runs a script
// on what was built, in a process with the services' own bounds.
installIfNeeded(console.log);
buildIfStale(console.log);
const { nodeFlags } = await import('./services.mjs');
const run = spawnSync(process.execPath, [...nodeFlags, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
process.exitCode = run.status ?? 1;
