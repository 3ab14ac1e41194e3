/** Thrown for a command line that cannot be understood; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Options = Record<string, string | undefined>;

export const optionsUsage = `  --service  base URL of the service, such as http://127.0.0.1:3002
  --token    bearer token; or the environment variable COLLIMATOR_TOKEN
  --json     print the service's answer as JSON

Exit status: 0 done, 1 the service refused or a replay stopped at a failure, 2 the command line is wrong,
3 the service cannot be reached.
`;

/** Which service is asked, as whom, and how its answer is printed. @throws UsageError */
export function serviceOf(options: Options, env: Options): { service: string; token?: string; json: boolean } {
  const { service } = options;
  if (!service || !URL.canParse(service)) throw new UsageError('--service must be the URL of a service');
  const token = options.token ?? env.COLLIMATOR_TOKEN;
  return { service: service.replace(/\/$/, ''), token, json: options.json !== undefined };
}

const common = ['service', 'token', 'json'];

/**
 * Words and `--options` of a command line.
 *
 * @param own the options of this command beside those of all
 * @throws UsageError for an option that there is not
 */
export function optionsOf(args: string[], own: readonly string[]): { words: string[]; options: Options } {
  const words: string[] = [];
  const options: Options = {};
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (!arg.startsWith('--')) {
      words.push(arg);
      continue;
    }
    const [name, inline] = arg.slice(2).split(/=(.*)/s);
    if (![...common, ...own].includes(name!))
      throw new UsageError(`unknown option --${name}${own.length > 0 ? `; there are --${own.join(', --')}` : ''}`);
    if (name === 'json') options.json = 'true';
    else if ((options[name!] = inline ?? args[++at]) === undefined) throw new UsageError(`--${name} needs a value`);
  }
  return { words, options };
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
