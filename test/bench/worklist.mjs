import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Dataset, encodeDicomFile, ScuAssociation, sopClasses } from '#dicom';
import { startChild } from '../../deploy/local/child-process.mjs';
import { freePorts } from '../../deploy/local/ports.mjs';

/** A worklist of this many items, 50 of them of the day that is asked for, spread over stations and days else. */
const SIZES = [1000, 10_000, 100_000];
/** dcmtk's server reads every file for each query; beyond this it only costs time to say so. */
const WLMSCPFS_UP_TO = 10_000;
const DAY = '20310101';

export const associate = (port, { callingAeTitle = 'CT01', calledAeTitle = 'COLLIMATOR' } = {}) =>
  ScuAssociation.open({ host: '127.0.0.1', port, callingAeTitle, calledAeTitle, timeoutMs: 60_000 }, [
    sopClasses.modalityWorklist,
    sopClasses.modalityPerformedProcedureStep,
  ]);

/** C-FIND with the return keys of a usual modality. */
export const find = (association, key = {}, step = {}) =>
  association.findWorklist({
    AccessionNumber: '',
    PatientName: '',
    PatientID: '',
    PatientBirthDate: '',
    PatientSex: '',
    StudyInstanceUID: '',
    RequestedProcedureID: '',
    ...key,
    ScheduledProcedureStepSequence: [
      {
        Modality: '',
        ScheduledStationAETitle: '',
        ScheduledProcedureStepStartDate: '',
        ScheduledProcedureStepStartTime: '',
        ScheduledProcedureStepID: '',
        ...step,
      },
    ],
  });

/**
 * C-FIND of 50 matches on one association, by day and by station and day, among ever more items; beside it dcmtk's
 * wlmscpfs with the same items as files, in the same minute on the same machine.
 */
export async function measureQueries({ pool, port, report, percentile, ms, accessionNumbers }) {
  // Of the real ones those stay that exams are done of.
  await pool.query('DELETE FROM scheduling.worklist_item WHERE accession_number <> ALL($1)', [accessionNumbers]);
  const medians = { 'by day': [], 'by station and day': [] };
  for (const size of SIZES) {
    await fill(pool, size);
    // One for each size: to fill takes longer than an association may stand idle.
    const association = await associate(port);
    for (const [how, step] of [
      ['by day', { ScheduledProcedureStepStartDate: DAY }],
      ['by station and day', { ScheduledProcedureStepStartDate: DAY, ScheduledStationAETitle: 'CT01' }],
    ]) {
      const median = await medianOf(association, step, percentile);
      medians[how].push(median);
      report(`C-FIND ${how}, 50 matches of ${size} items, one association, median`, ms(median), 'goal ≤ 50 ms');
    }
    association.destroy();
    if (size > WLMSCPFS_UP_TO) continue;
    const theirs = await withWlmscpfs(pool, (other) =>
      medianOf(other, { ScheduledProcedureStepStartDate: DAY }, percentile, 5),
    );
    report(`  wlmscpfs with the same ${size} items`, theirs === undefined ? 'not installed' : ms(theirs));
    if (theirs !== undefined) report('  ratio', (medians['by day'].at(-1) / theirs).toFixed(3));
  }
  for (const [how, [first, second, third]] of Object.entries(medians)) {
    report(`  growth 1k → 10k, ${how}`, (second / first).toFixed(2), 'goal ≤ 1.3');
    report(`  growth 10k → 100k, ${how}`, (third / second).toFixed(2), 'goal ≤ 1.3');
  }
}

/** Copies of one real item: other people, other days. */
async function fill(pool, size) {
  const { rows } = await pool.query(
    `SELECT column_name AS name FROM information_schema.columns
      WHERE table_schema = 'scheduling' AND table_name = 'worklist_item' AND is_generated = 'NEVER'`,
  );
  const names = rows.map(({ name }) => name);
  await pool.query("DELETE FROM scheduling.worklist_item WHERE appointment_id LIKE 'bench%'");
  await pool.query(
    `INSERT INTO scheduling.worklist_item (${names.join(', ')})
     SELECT ${names.map((name) => `item.${name}`).join(', ')}
       FROM (SELECT * FROM scheduling.worklist_item ORDER BY appointment_id LIMIT 1) AS template,
         generate_series(1, $1::int) AS n,
         LATERAL (SELECT CASE WHEN n <= 50 THEN $2 ELSE to_char(date '2031-01-02' + n % 365, 'YYYYMMDD') END AS day),
         LATERAL jsonb_populate_record(NULL::scheduling.worklist_item, to_jsonb(template) || jsonb_build_object(
           'appointment_id', 'bench' || n, 'start_date', day, 'station_ae_title', 'CT01', 'status', 'SCHEDULED',
           'attributes', template.attributes || jsonb_build_object('PatientName', 'Bench' || n || '^Berta',
             'ScheduledProcedureStepSequence', jsonb_build_array(template.attributes->'ScheduledProcedureStepSequence'->0
               || jsonb_build_object('ScheduledProcedureStepStartDate', day, 'ScheduledStationAETitle', 'CT01'))))) AS item`,
    [size, DAY],
  );
  await pool.query('VACUUM ANALYZE scheduling.worklist_item');
}

async function medianOf(association, step, percentile, runs = 20) {
  const times = [];
  for (let run = 0; run < runs + 3; run++) {
    const at = performance.now();
    const found = await find(association, {}, step);
    if (found.length !== 51) throw new Error(`50 matches expected, not ${found.length - 1}`);
    if (run >= 3) times.push(performance.now() - at);
  }
  return percentile(times, 50);
}

/** Undefined where dcmtk is not installed. */
async function withWlmscpfs(pool, measure) {
  const folder = mkdtempSync(join(tmpdir(), 'collimator-wlmscpfs-'));
  try {
    mkdirSync(join(folder, 'WLM'));
    writeFileSync(join(folder, 'WLM', 'lockfile'), '');
    const { rows } = await pool.query(
      "SELECT attributes FROM scheduling.worklist_item WHERE appointment_id LIKE 'bench%'",
    );
    for (const [index, { attributes }] of rows.entries()) {
      const file = encodeDicomFile(Dataset.of(attributes), {
        sopClassUid: sopClasses.modalityWorklist,
        sopInstanceUid: `2.25.${index + 1}`,
      });
      writeFileSync(join(folder, 'WLM', `${index}.wl`), file);
    }
    const [port] = await freePorts(1);
    const server = startChild('wlmscpfs', ['-s', '-csk', '-dfp', folder, String(port)], {
      env: { ...process.env, TCP_NODELAY: '1' },
    });
    try {
      for (let tries = 0; ; tries++) {
        const association = await associate(port, { calledAeTitle: 'WLM' }).catch(() => undefined);
        if (!association && tries > 50) return undefined;
        if (!association) {
          await pause(100);
          continue;
        }
        try {
          return await measure(association);
        } finally {
          association.destroy();
        }
      }
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Rounds of a modality between two exams. */
const ROUNDS_AN_EXAM = 10;

/**
 * Twenty modalities at once, each asking for its worklist again and again and now and then doing an exam of it, each
 * round on an association of its own as scanners do. Whatever is not a success is an error.
 */
export async function measureModalities({ port, report, percentile, ms, minutes, accessionNumbers }) {
  const until = performance.now() + minutes * 60_000;
  const times = [];
  const errors = new Map();
  let exams = 0;
  const open = [...accessionNumbers];
  const modality = async () => {
    for (let round = 1; performance.now() < until; round++) {
      let doing = 'associate';
      let at = performance.now();
      try {
        const association = await associate(port);
        doing = 'C-FIND';
        at = performance.now();
        const found = await find(
          association,
          {},
          { ScheduledStationAETitle: 'CT01', ScheduledProcedureStepStartDate: DAY },
        );
        times.push(performance.now() - at);
        if (found.at(-1).status !== 0) throw new Error(`0x${found.at(-1).status.toString(16)}`);
        const accession = round % ROUNDS_AN_EXAM === 1 ? open.pop() : undefined;
        doing = 'exam';
        at = performance.now();
        if (accession) await exam(association, accession);
        if (accession) exams++;
        doing = 'release';
        at = performance.now();
        await association.release();
      } catch (error) {
        const what = `${doing}: ${error.message} after ${ms(performance.now() - at)}`;
        errors.set(what, (errors.get(what) ?? 0) + 1);
      }
    }
  };
  await Promise.all(Array.from({ length: 20 }, modality));
  report(`20 modalities for ${minutes} min: queries of 50 matches, exams`, `${times.length}, ${exams}`);
  report('  median, p95 of a query', `${ms(percentile(times, 50))}, ${ms(percentile(times, 95))}`);
  report('  errors', [...errors].map(([what, count]) => `${count} × ${what}`).join('; ') || 0, 'goal 0');
}

async function exam(association, accessionNumber) {
  const [line] = await find(association, { AccessionNumber: accessionNumber });
  const { dataset } = line;
  if (!dataset) throw new Error('an order is not on the worklist');
  const [step] = dataset.items('ScheduledProcedureStepSequence');
  const begun = await association.createMpps(undefined, {
    PatientID: dataset.text('PatientID'),
    PerformedStationAETitle: 'CT01',
    PerformedProcedureStepStartDate: '20260302',
    PerformedProcedureStepStartTime: '090000',
    PerformedProcedureStepStatus: 'IN PROGRESS',
    Modality: 'CT',
    ScheduledStepAttributesSequence: [
      {
        StudyInstanceUID: dataset.text('StudyInstanceUID'),
        AccessionNumber: accessionNumber,
        ScheduledProcedureStepID: step.text('ScheduledProcedureStepID'),
      },
    ],
  });
  const ended = await association.setMpps(begun.command.text('AffectedSOPInstanceUID'), {
    PerformedProcedureStepStatus: 'COMPLETED',
  });
  for (const { status } of [begun, ended]) if (status !== 0) throw new Error(`MPPS 0x${status.toString(16)}`);
}
