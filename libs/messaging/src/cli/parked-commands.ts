import { optionsOf, serviceOf, UsageError } from './command-line.js';

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

export const parkedUsage = `collimator parked: events that wait for a person

  collimator parked list   --service <url> [--key <patient id>]
  collimator parked show   <id>  --service <url>        headers and content; the look is logged
  collimator parked replay <key> --service <url>        a patient's events in order, up to the first that fails
  collimator parked skip   <id>  --service <url> --reason <text>
`;

/** Reads the arguments behind `collimator parked`. @throws UsageError */
export function readCommand(args: string[], env: Record<string, string | undefined>): ParkedCommand {
  const { words, options } = optionsOf(args, ['key', 'reason']);
  const [verb, subject, ...rest] = words;
  if (verb !== 'list' && verb !== 'show' && verb !== 'replay' && verb !== 'skip')
    throw new UsageError('say what to do: list, show, replay or skip');
  if (rest.length > 0) throw new UsageError(`${verb} takes one argument`);
  const command: ParkedCommand = { verb, ...serviceOf(options, env) };
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
