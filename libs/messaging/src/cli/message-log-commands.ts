import { optionsOf, serviceOf, table, UsageError } from './command-line.js';

/** A look into the message log, or what is to be done with one of its messages. */
export interface MessageLogCommand {
  verb: 'list' | 'search' | 'show' | 'resend' | 'reprocess';
  service: string;
  token?: string;
  json: boolean;
  /** Of a message. */
  id?: string;
  /** What is searched by, as the service wants it. */
  query: Record<string, unknown>;
}

export const messageLogUsage = `collimator hl7: the log of every message, in and out

  collimator hl7 list      --service <url> [--outcome accepted|refused] [--control-id <MSH-10>]
  collimator hl7 search    --service <url> [what to search by]   at least one; all of them must be so
  collimator hl7 show      <id>  --service <url>                 byte for byte; the look is audited
  collimator hl7 resend    <id>  --service <url>                 one of ours, once more under its own control id
  collimator hl7 reprocess <id>  --service <url>                 a refused one, such as after the site file was mended

  --number      accession, order, visit or patient number, as it stands in a message
  --patient     patient number with its system: 'urn:oid:1.2.3|12345'
  --control-id, --outcome accepted|refused, --direction in|out, --type ORM^O01
  --since, --until  times such as 2026-03-02 or 2026-03-02T08:00 (of this machine's zone); --limit, 200 unless given
`;

const searchOptions = ['number', 'patient', 'control-id', 'outcome', 'direction', 'type', 'since', 'until', 'limit'];

/** Reads the arguments behind `collimator hl7 list`, `search`, `show`, `resend`, `reprocess`. @throws UsageError */
export function readMessageLogCommand(
  args: string[],
  env: Record<string, string | undefined>,
): MessageLogCommand | undefined {
  const [verb] = args;
  switch (verb) {
    case 'list':
    case 'search': {
      const own = verb === 'list' ? ['control-id', 'outcome', 'limit'] : searchOptions;
      const { words, options } = optionsOf(args, own);
      if (words.length > 1) throw new UsageError(`${verb} takes no argument but options, such as --outcome refused`);
      const query = queryOf(options);
      if (verb === 'search' && Object.keys(query).length === 0)
        throw new UsageError(`say what to search by: --${searchOptions.join(', --')}`);
      return { verb, ...serviceOf(options, env), query };
    }
    case 'show':
    case 'resend':
    case 'reprocess': {
      const { words, options } = optionsOf(args, []);
      const [, id, ...rest] = words;
      if (!id || rest.length > 0) throw new UsageError(`${verb} needs the id of one message, as list shows it`);
      return { verb, ...serviceOf(options, env), id, query: {} };
    }
    default:
      return undefined;
  }
}

/** The HTTP request that carries the command out; what is searched by goes in its body, never in a URL. */
export function messageLogRequest({ service, verb, id = '', query }: MessageLogCommand) {
  const url = `${service}/hl7-messages/${encodeURIComponent(id)}`;
  switch (verb) {
    case 'list':
    case 'search':
      return {
        url: `${service}/hl7-messages/search`,
        method: 'POST',
        body: JSON.stringify(query),
        contentType: 'application/json',
      };
    case 'show':
      return { url, method: 'GET' };
    default:
      return { url: `${url}/${verb}`, method: 'POST' };
  }
}

interface Logged {
  id: string;
  receivedAt: string;
  direction: string;
  sendingApplication: string;
  sendingFacility: string;
  destination: string | null;
  errorCode: string | null;
  errorText: string | null;
  effects: { resources: string[]; events: { type: string }[] } | null;
}

/** The service's answer for a person to read. */
export function readableMessageLog({ verb, id }: MessageLogCommand, answer: Record<string, unknown>): string {
  switch (verb) {
    case 'list':
    case 'search': {
      const rows = answer.messages as Logged[];
      if (rows.length === 0) return 'no message is so';
      return table(
        rows.map((row) => ({
          ...row,
          at: new Date(row.receivedAt).toISOString(),
          peer: row.destination ?? `${row.sendingApplication}|${row.sendingFacility}`,
          what: whatOf(row),
        })),
        ['id', 'at', 'direction', 'peer', 'messageType', 'controlId', 'acknowledgement', 'attempts', 'what'],
      );
    }
    case 'show':
      return String(answer.text).split(/\r\n?/).join('\n').trimEnd();
    case 'resend':
      return `${id} is in line to be sent again, behind all else for its patient`;
    case 'reprocess':
      return (
        String(answer.acknowledgement).split('\r').filter(Boolean).join('\n') || 'done; its sender wants no answer'
      );
  }
}

/** Why it was refused, else what it brought about: events, and versions of resources. */
function whatOf({ errorCode, errorText, effects }: Logged): string {
  if (errorText) return [errorCode, errorText].filter(Boolean).join(' ');
  const events = (effects?.events ?? []).map(({ type }) => type.replace(/^imaging\./, ''));
  return [...events, ...(effects?.resources ?? [])].join(', ');
}

function queryOf(options: Record<string, string | undefined>): Record<string, unknown> {
  const { number, patient, outcome, direction, type, since, until, limit } = options;
  const query = {
    number,
    patient: patient === undefined ? undefined : patientOf(patient),
    controlId: options['control-id'],
    outcome: oneOf('outcome', outcome, ['accepted', 'refused']),
    direction: oneOf('direction', direction, ['in', 'out']),
    messageType: type,
    since: timeOf('since', since),
    until: timeOf('until', until),
    limit: limit === undefined ? undefined : countOf(limit),
  };
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
}

function patientOf(written: string): { system: string; value: string } {
  const at = written.lastIndexOf('|');
  const [system, value] = [written.slice(0, Math.max(at, 0)), written.slice(at + 1)];
  if (system && value) return { system, value };
  throw new UsageError(
    "--patient must be a system and a number, such as 'urn:oid:1.2.3|12345'; --number needs no system",
  );
}

function oneOf(name: string, value: string | undefined, allowed: string[]): string | undefined {
  if (value === undefined || allowed.includes(value)) return value;
  throw new UsageError(`--${name} must be ${allowed.join(' or ')}`);
}

function timeOf(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  // A date alone is read as UTC by Date, a date and time as local: both are meant as local here.
  const date = new Date(/^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T00:00` : value);
  if (/^\d{4}-\d\d-\d\d/.test(value) && !Number.isNaN(date.getTime())) return date.toISOString();
  throw new UsageError(`--${name} must be a time, such as 2026-03-02 or 2026-03-02T08:00`);
}

function countOf(value: string): number {
  const count = Number(value);
  if (Number.isInteger(count) && count >= 1 && count <= 1000) return count;
  throw new UsageError('--limit must be a number from 1 to 1000');
}
