// The types of child-process.mjs, for TypeScript; the meaning is said there.
export interface ChildProcess {
  pid: number;
  exited: Promise<{ code: number | null; signal: string | null }>;
  running(): boolean;
  stop(signal?: NodeJS.Signals, withinMs?: number): Promise<void>;
  kill9(): Promise<void>;
  lastOutput(): string;
}
export interface ChildOptions {
  env?: Record<string, string | undefined>;
  cwd?: string;
  uid?: number;
  gid?: number;
  stopSignal?: NodeJS.Signals;
  logFile?: string;
  onOutput?: (chunk: string) => void;
}
export function startChild(command: string, args: string[], options?: ChildOptions): ChildProcess;
export function untilReady(
  child: ChildProcess,
  check: () => Promise<boolean>,
  options: { withinMs: number; what: string; details?: () => string },
): Promise<void>;
