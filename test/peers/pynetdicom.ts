import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { DatasetInput } from '#dicom';
import type { Peer } from '#testing';

/** The environment that .ci/run makes, since Debian's own Python takes no packages; without it what `python3` has. */
const environment = '.collimator/peers-python';
const made = resolve(import.meta.dirname, '../..', environment, 'bin/python');
/** Runs the scripts beside this file. */
export const python = existsSync(made) ? made : 'python3';

/** A modality made of pynetdicom. */
export const pynetdicom: Peer = {
  command: [python, '-c', 'import highdicom, pynetdicom, pydicom'],
  install: `python3 -m venv ${environment} && ${environment}/bin/python -m pip install -r test/peers/requirements.txt`,
};

/** One N-CREATE or N-SET. */
export interface MppsStep {
  operation: 'create' | 'set';
  uid: string | null;
  attributes: DatasetInput;
}

/** Reports steps of MPPS as CT01, one after the other on one association. @returns the answer to each, by keyword */
export function reportMpps(port: number, ...steps: MppsStep[]): Promise<Record<string, unknown>[]> {
  return run('report-mpps.py', port, steps);
}

/**
 * Asks for the worklist as CT01, in the character set the query names.
 *
 * @param cancelAfter sends a C-CANCEL when so many matches came
 * @returns each match by keyword, and the final status
 */
export async function findWorklist(
  port: number,
  query: DatasetInput,
  { cancelAfter = 0 } = {},
): Promise<{ matches: Record<string, unknown>[]; status: unknown }> {
  const said = await run('find-worklist.py', port, query, { CANCEL_AFTER: `${cancelAfter}` });
  return { matches: said.slice(0, -1), status: said.at(-1)!.Status };
}

/** Notifies as a PACS, `as` it calls itself. @returns the answer to each notification, by keyword */
export function notifyAvailability(
  port: number,
  notifications: { uid: string; attributes: DatasetInput }[],
  { as = 'PACS', seriesAsCs = false } = {},
): Promise<Record<string, unknown>[]> {
  return run('notify-availability.py', port, notifications, { AS: as, SERIES_AS_CS: seriesAsCs ? '1' : '0' });
}

/**
 * Asks as CT01 whether instances are safely stored, and listens for the answer on a port of its own.
 *
 * @returns the status of the question, then each answer
 */
export function askStorageCommitment(
  port: number,
  question: DatasetInput,
  { listenOn, answers = 1 }: { listenOn: number; answers?: number },
): Promise<Record<string, unknown>[]> {
  return run('ask-storage-commitment.py', port, question, { LISTEN_ON: `${listenOn}`, ANSWERS: `${answers}` });
}

/** A report that an injector makes: by pydicom, of a shape that store-injector-reports.py knows. */
export interface InjectorReportAsked {
  shape: 'single' | 'three-phases' | 'stopped';
  uid: string;
  patientName: string;
  patientId: string;
  accessionNumber: string;
  studyUid: string;
  /** With the SNOMED-RT codes that older injectors send. */
  old?: boolean;
  characterSet?: string | string[];
  implicit?: boolean;
  /** As whom it is sent, INJECTOR1 unless given. */
  as?: string;
  /** Written there instead of being sent. */
  file?: string;
  /** What is wrong with what is sent instead. */
  attack?: 'truncated' | 'nested' | 'wrong-class' | 'no-class' | 'no-instance' | 'no-root';
}

/** Stores reports as an injector, one after the other. @returns the answer to each C-STORE, by keyword */
export function storeInjectorReports(
  port: number,
  ...reports: InjectorReportAsked[]
): Promise<Record<string, unknown>[]> {
  return run('store-injector-reports.py', port, reports);
}

/** A radiation dose report that a device makes: by pydicom, of a shape that store-dose-reports.py knows. */
export interface DoseReportAsked {
  shape:
    | 'ct-siemens'
    | 'ct-ge'
    | 'ct-toshiba'
    | 'ct-philips'
    | 'ct-so-far'
    | 'ct-continued'
    | 'fluoro-siemens'
    | 'dx'
    | 'mg-hologic'
    | 'mg-by-region'
    | 'pet'
    | 'broken'
    | 'nested'
    | 'unknown-template'
    | 'letter';
  uid: string;
  patientName: string;
  patientId: string;
  accessionNumber: string;
  studyUid: string;
  /** With SNOMED-RT codes, as SRT or under the name that is given. */
  old?: boolean | 'SNM3';
  characterSet?: string | string[] | '';
  implicit?: boolean;
  protocol?: string;
  /** How many scans a report of all so far has, and which part one of the rest is. */
  scans?: number;
  part?: number;
  contentTime?: string;
  broken?: 'no-unit' | 'empty' | 'other-unit' | 'nan' | 'comma' | 'two-values';
  levels?: number;
  /** So many bytes of it are sent. */
  cut?: number;
  /** As whom it is sent, CT01 unless given. */
  as?: string;
}

/** Stores dose reports, one after the other. @returns the answer to each C-STORE, by keyword */
export function storeDoseReports(
  { dicomPort, aeTitle }: { dicomPort: number; aeTitle: string },
  ...reports: DoseReportAsked[]
): Promise<Record<string, unknown>[]> {
  return run('store-dose-reports.py', dicomPort, reports, {}, [aeTitle]);
}

/** An image, or a Key Object Selection document, that a PACS makes: of a shape that store-rejection-notes.py knows. */
export type StoredByPacs = {
  uid: string;
  /** As whom it is sent, PACS unless given. */
  as?: string;
} & (
  | {
      kind: 'image';
      modality: 'CT' | 'DX';
      series: number;
      studyUid: string;
      patientName: string;
      patientId: string;
      accessionNumber: string;
    }
  | {
      kind: 'note';
      shape: 'highdicom' | 'bare' | 'identical';
      title: string;
      /** CID 7011: what is wrong with the images. */
      reason?: string;
      /** Images as they were stored; the document is in the study of the first. */
      rejected: StoredByPacs[];
      identicalTo?: string;
      implicit?: boolean;
    }
);

/** Stores objects as a PACS, each where it belongs, one after the other. @returns the answer to each C-STORE */
export function storeAsPacs(
  ...objects: { object: StoredByPacs; to: { dicomPort: number; aeTitle: string } }[]
): Promise<Record<string, unknown>[]> {
  const asked = objects.map(({ object, to }) => ({ ...object, port: to.dicomPort, called: to.aeTitle }));
  return run('store-rejection-notes.py', 0, asked);
}

/** Gives a script its input as JSON. @returns each line it printed */
async function run(
  script: string,
  port: number,
  input: unknown,
  env: Record<string, string> = {},
  more: string[] = [],
) {
  const modality = spawn(python, ['-B', join(import.meta.dirname, script), `${port}`, ...more], {
    env: { ...process.env, ...env },
  });
  const [ended, said, complained] = [once(modality, 'exit'), text(modality.stdout), text(modality.stderr)];
  modality.stdin.end(JSON.stringify(input));
  const [code] = await ended;
  if (code !== 0) throw new Error(`pynetdicom failed: ${await complained}`);
  return (await said)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
