import { z } from 'zod';
import { fail, ofTable, type Failure, type Site } from '#platform';
import { withDeviation, type Statement } from './exposure-entry.decider.js';
import { dicomUid, ofEveryStatement, readStated, text } from './stated.js';
import reasons from './reject-reasons.json' with { type: 'json' };

/** PS3.16 CID 7011, code → display. */
export const rejectReasons: Readonly<Record<string, string>> = reasons;

const index = z.number('must be a number').min(0, 'must not be below 0').max(1e6, 'must be 1000000 at most');

const reject = z.strictObject({
  ...ofEveryStatement,
  kind: z.enum(['reject', 'repeat'], 'must be reject or repeat'),
  reason: z
    .string('must be a text')
    .refine(
      (code) => ofTable(rejectReasons, code) !== undefined,
      `must be a code of DICOM CID 7011: ${Object.keys(reasons).join(', ')}`,
    )
    .optional(),
  sopInstanceUid: dicomUid.optional(),
  repeats: dicomUid.optional(),
  studyInstanceUid: dicomUid.optional(),
  accessionNumber: text.max(16, 'must have 16 characters at most').optional(),
  modality: z
    .string('must be a text')
    .regex(/^[A-Z]{2,16}$/, 'must be a DICOM modality, such as DX')
    .optional(),
  bodyPart: text.optional(),
  view: text.optional(),
  laterality: z.enum(['R', 'L', 'U', 'B'], 'must be R, L, U or B').optional(),
  station: text.optional(),
  room: text.optional(),
  detector: text.optional(),
  operator: text.optional(),
  exposureIndex: index.optional(),
  targetExposureIndex: index.optional(),
  deviationIndex: z
    .number('must be a number')
    .min(-100, 'must be -100 at least')
    .max(100, 'must be 100 at most')
    .optional(),
});

/** An entry as a console states it; who the operator was goes apart from it. */
export interface StatedReject {
  identifier: { system: string; value: string };
  statement: Omit<Statement, 'id' | 'exposure' | 'orderId'>;
  sopInstanceUid: string | undefined;
  operator: string | undefined;
}

/**
 * Reads what a console says of an exposure.
 *
 * @throws Failure field-missing, field-invalid, value-unknown with the path of the first element at fault, and all
 *   others in `also`
 */
export function readReject(body: unknown, site: Site): StatedReject {
  const said = readStated(reject, body, 'this entry', (whole) => contradictions(whole, site));
  const { identifier, status, operator, sopInstanceUid, ...facts } = said;
  const room = facts.room ?? site.stations.find(({ aeTitle }) => aeTitle === facts.station)?.room;
  const stated = {
    ...facts,
    ...(room ? { room } : {}),
    source: 'console' as const,
    ...(status === 'final' ? {} : { isInError: true }),
  };
  return { identifier, statement: withDeviation(stated), sopInstanceUid, operator };
}

function contradictions(said: z.output<typeof reject>, site: Site): Failure[] {
  const failures: Failure[] = [];
  if (said.kind === 'reject' && !said.reason)
    failures.push(
      fail('field-missing', 'reason is required of a reject: a code of DICOM CID 7011', { field: 'reason' }),
    );
  if (said.kind === 'reject' && said.repeats)
    failures.push(
      fail('field-invalid', 'repeats is of a repeat only: state that one as an entry of its own', { field: 'repeats' }),
    );
  if (said.repeats && said.repeats === said.sopInstanceUid)
    failures.push(fail('field-invalid', 'repeats must be another image than sopInstanceUid', { field: 'repeats' }));
  if (said.station && !site.stations.some(({ aeTitle }) => aeTitle === said.station))
    failures.push(
      fail('value-unknown', 'station must be the AE title of a station in the site file', { field: 'station' }),
    );
  if (said.room && !site.stations.some(({ room }) => room === said.room))
    failures.push(fail('value-unknown', 'room must be the room of a station in the site file', { field: 'room' }));
  return failures;
}
