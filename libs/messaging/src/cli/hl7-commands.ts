import { optionsOf, serviceOf, UsageError } from './command-line.js';

/** A message to be tried or explained. */
export interface Hl7Command {
  verb: 'try' | 'explain';
  service: string;
  token?: string;
  file: string;
  json: boolean;
}

export const trialUsage = `collimator hl7: what a message would become

  collimator hl7 try <file> --service <url>      acknowledgement, resources and events; nothing of it is stored
  collimator hl7 explain <file> --service <url>  which field makes which FHIR element, by which row of the guide
`;

/** Reads the arguments behind `collimator hl7 try` and `explain`. @throws UsageError */
export function readHl7Command(args: string[], env: Record<string, string | undefined>): Hl7Command {
  const { words, options } = optionsOf(args, []);
  const [verb, file, ...rest] = words;
  if (verb !== 'try' && verb !== 'explain')
    throw new UsageError('say what to do: try, explain, list, search, show, resend or reprocess');
  if (!file || rest.length > 0) throw new UsageError(`${verb} needs one file that holds one HL7 message`);
  return { ...serviceOf(options, env), verb, file };
}

interface Tried {
  acknowledgement: string;
  refusal?: { errorCode: number; place?: string; text: string };
  fields: { place: string; rule: string }[];
  resources: { resourceType: string; id: string; meta?: { versionId?: string } }[];
  events: { type: string; resources: { resourceType: string; id: string }[] }[];
}

/** The service's answer for a person to read: what would be answered, stored and told. */
export function readableTrial(answer: Record<string, unknown>): string {
  const { acknowledgement, resources, events, refusal, fields = [] } = answer as unknown as Tried;
  const segments = acknowledgement.split('\r').filter(Boolean);
  const named = (one: { resourceType: string; id: string }) => `${one.resourceType}/${one.id}`;
  const part = (title: string, lines: string[]) => `${title}\n${lines.map((line) => `  ${line}`).join('\n')}`;
  const outcome = refusal ? `refused: ${refusal.place ? `${refusal.place}: ` : ''}${refusal.text}` : 'accepted';
  return [
    `${outcome}. Nothing of it was stored.`,
    part('It would be answered', segments.length > 0 ? segments : ['not at all: by its MSH-15 and MSH-16']),
    ...(fields.length > 0
      ? [
          part(
            'By the fields of its sender in the site file',
            fields.map(({ place, rule }) => `${place}: ${rule}`),
          ),
        ]
      : []),
    part(
      'It would store',
      resources.length > 0 ? resources.map((one) => `${named(one)}, version ${one.meta?.versionId}`) : ['nothing'],
    ),
    part(
      'It would tell',
      events.length > 0 ? events.map((one) => `${one.type} of ${one.resources.map(named).join(', ')}`) : ['nothing'],
    ),
    ...resources.map((one) => JSON.stringify(one, null, 2)),
  ].join('\n\n');
}

interface Explained {
  place: string;
  name?: string;
  makes: string[];
  required?: string;
  fields?: string[];
  guide: { map: string; as: string; why?: string }[];
}

/** The explanation for a person to read: a line a field, and below it what the guide's rows say. */
export function readableExplanation(answer: Record<string, unknown>): string {
  return (answer.fields as Explained[]).map(explainedField).join('\n');
}

function explainedField({ place, name, makes, required, fields = [], guide }: Explained): string {
  const outcome = required ? `required: ${required}` : makes.length > 0 ? makes.join(', ') : 'nothing';
  const rows = guide.map(({ map, as, why }) => `    ${map}: ${as}${why ? `, ${why}` : ''}`);
  const declared = fields.map((rule) => `    site file: ${rule}`);
  return [`${place}${name ? ` ${name}` : ''} → ${outcome}`, ...declared, ...rows].join('\n');
}
