/** What the command line asked for, read and checked. */
export interface ParkedCommand {
  verb: 'list' | 'show' | 'replay' | 'skip';
  service: string;
  token?: string;
  key?: string;
  id?: string;
  reason?: string;
  json: boolean;
}

/** Thrown for a command line that cannot be understood; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const usage = `collimator parked: events that wait for a person

  collimator parked list   --service <url> [--key <patient id>]
  collimator parked show   <id>  --service <url>        headers and content; the look is logged
  collimator parked replay <key> --service <url>        a patient's events in order, up to the first that fails
  collimator parked skip   <id>  --service <url> --reason <text>

  --service  base URL of the service, such as http://127.0.0.1:3002
  --token    bearer token; or the environment variable COLLIMATOR_TOKEN
  --json     print the service's answer as JSON

Exit status: 0 done, 1 the service refused or a replay stopped at a failure, 2 the command line is wrong,
3 the service cannot be reached.
`;

/** Reads the arguments behind `collimator parked`. @throws UsageError */
export function readCommand(args: string[], env: Record<string, string | undefined>): ParkedCommand {
  const { words, options } = split(args);
  const [verb, subject, ...rest] = words;
  if (verb !== 'list' && verb !== 'show' && verb !== 'replay' && verb !== 'skip')
    throw new UsageError('say what to do: list, show, replay or skip');
  if (rest.length > 0) throw new UsageError(`${verb} takes one argument`);
  const { service } = options;
  if (!service || !URL.canParse(service)) throw new UsageError('--service must be the URL of a service');
  const command: ParkedCommand = {
    verb,
    service: service.replace(/\/$/, ''),
    token: options.token ?? env.COLLIMATOR_TOKEN,
    json: options.json !== undefined,
  };
  if (verb === 'list') return { ...command, key: options.key ?? subject };
  if (!subject)
    throw new UsageError(`${verb} needs ${verb === 'replay' ? 'the key of a patient' : 'the id of an event'}`);
  if (verb === 'replay') return { ...command, key: subject };
  if (verb === 'skip' && !options.reason?.trim()) throw new UsageError('skip needs --reason "why"');
  return { ...command, id: subject, reason: options.reason };
}

/** The HTTP request that carries the command out. */
export function requestFor(command: ParkedCommand): { url: string; method: string; body?: string } {
  const { service, verb } = command;
  const id = encodeURIComponent(command.id ?? command.key ?? '');
  switch (verb) {
    case 'list':
      return { url: `${service}/parked${command.key ? `?key=${id}` : ''}`, method: 'GET' };
    case 'show':
      return { url: `${service}/parked/${id}`, method: 'GET' };
    case 'replay':
      return { url: `${service}/parked/${id}/replay`, method: 'POST' };
    case 'skip':
      return { url: `${service}/parked/${id}/skip`, method: 'POST', body: JSON.stringify({ reason: command.reason }) };
  }
}

/** Rows as text in columns, each as wide as its longest cell. */
export function table(rows: Record<string, unknown>[], columns: string[]): string {
  const lines = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function split(args: string[]): { words: string[]; options: Record<string, string | undefined> } {
  const words: string[] = [];
  const options: Record<string, string | undefined> = {};
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (!arg.startsWith('--')) {
      words.push(arg);
      continue;
    }
    const [name, inline] = arg.slice(2).split(/=(.*)/s);
    if (!['service', 'token', 'key', 'reason', 'json'].includes(name!))
      throw new UsageError(`unknown option --${name}`);
    if (name === 'json') options.json = 'true';
    else if ((options[name!] = inline ?? args[++at]) === undefined) throw new UsageError(`--${name} needs a value`);
  }
  return { words, options };
}
