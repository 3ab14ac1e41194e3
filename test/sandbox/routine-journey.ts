import type { DicomAddress } from './dimse.js';
import type { SandboxEmr } from './emr.js';
import { fieldOf } from './hl7.js';
import { sampleNow } from './messages.js';
import type { SandboxPacs } from './pacs.js';
import type { SandboxScanner } from './scanner.js';
import type { SandboxTechnologist } from './technologist.js';

/** The hospital's side of the line: its systems, and where Collimator listens. */
export interface Hospital {
  emr: SandboxEmr;
  scanner: SandboxScanner;
  pacs: SandboxPacs;
  technologist: SandboxTechnologist;
  /** MLLP port of orders. */
  ordersPort: number;
  /** MLLP port of results. */
  reportsPort: number;
  /** Where results takes dose reports by DICOM. */
  doseReports: DicomAddress;
}

/** What one run of the journey left behind. */
export interface RoutineOutcome {
  orderNumber: string;
  accessionNumber: string;
  studyInstanceUid: string;
}

/**
 * Journey 1, routine: order → worklist → exam started → contrast → images, dose → exam completed → report → the EMR knows.
 * Everything goes over the wire; every step waits for what the step before made.
 *
 * @throws Error naming the step that did not happen
 */
export async function playRoutine(hospital: Hospital, now = new Date()): Promise<RoutineOutcome> {
  const { emr, scanner, pacs, technologist } = hospital;
  // An EMR numbers its own orders; the time of the run keeps runs apart.
  const orderNumber = `SBX${now.toISOString().replace(/\D/g, '').slice(2, 17)}`;
  const order = await emr.send(
    { port: hospital.ordersPort },
    sampleNow('order-ct-chest', `O${orderNumber}`, orderNumber),
  );
  accepted(order, 'the order');

  await eventually('the order to be on the worklist', async () => {
    return (await scanner.askWorklist()).some((one) => one.placerOrderNumber.startsWith(orderNumber));
  });
  const lines = await scanner.queryWorklist();
  const line = lines.find((one) => one.placerOrderNumber.startsWith(orderNumber))!;

  const exam = await scanner.start(line);
  const plan = await eventually('the contrast record', () => technologist.planOf(orderNumber));
  await technologist.record(plan, `ADM-${orderNumber}`);
  await scanner.storeImages(exam, { port: pacs.dicomPort, aeTitle: pacs.aeTitle });
  await scanner.storeDoseReport(exam, hospital.doseReports, { ctdiVolMgy: 6.2, dlpMgyCm: 240.5 });
  await scanner.complete(exam);
  await eventually('the order to leave the worklist', async () => {
    return (await scanner.askWorklist()).every((one) => one.stepId !== line.stepId);
  });

  const report = sampleNow('report-ct-chest', `R${orderNumber}`, orderNumber);
  accepted(
    await emr.send({ port: hospital.reportsPort }, numbered(report, orderNumber, line.accessionNumber)),
    'the report',
  );
  await untilTheEmrKnows(emr, orderNumber, line.studyInstanceUid);
  return { orderNumber, accessionNumber: line.accessionNumber, studyInstanceUid: line.studyInstanceUid };
}

async function untilTheEmrKnows(emr: SandboxEmr, orderNumber: string, studyUid: string): Promise<void> {
  const { store } = emr;
  const ofOrder = (one: { identifier?: { value?: string }[] }) =>
    one.identifier?.some(({ value }) => value === orderNumber);
  await eventually('the EMR to see the order completed', () =>
    store.all('ServiceRequest').some((one) => ofOrder(one) && one.status === 'completed'),
  );
  await eventually('the EMR to have the study', () =>
    store
      .all('ImagingStudy')
      .some((one) => one.status === 'available' && JSON.stringify(one.identifier).includes(studyUid)),
  );
  await eventually('the EMR to have the dose of the study', () => {
    const study = store.all('ImagingStudy').find((one) => JSON.stringify(one.identifier).includes(studyUid));
    return store.all('Observation').some((one) => one.focus?.[0]?.reference === `ImagingStudy/${study?.id}`);
  });
  await eventually('the EMR to have the contrast administration', () =>
    store.all('MedicationAdministration').some((one) => JSON.stringify(one.identifier).includes(orderNumber)),
  );
  await eventually('the EMR to have the final report', () =>
    store
      .all('DiagnosticReport')
      .some((one) => one.status === 'final' && JSON.stringify(one.identifier ?? '').includes(`REP-${orderNumber}`)),
  );
  await eventually('the EMR to have the final report by HL7', () =>
    emr.messages.some(
      (one) =>
        fieldOf(one, 'OBR', 2).startsWith(orderNumber) && fieldOf(one, 'OBR', 25) === 'F' && one.includes('OBX|'),
    ),
  );
}

/** The reporting system numbers its reports and quotes the accession number it got with the images. */
function numbered(report: string, orderNumber: string, accessionNumber: string): string {
  const parts = report.replaceAll('REP0001', `REP-${orderNumber}`).split('\r');
  return parts
    .map((segment) => {
      if (!segment.startsWith('OBR|')) return segment;
      const fields = segment.split('|');
      while (fields.length <= 18) fields.push('');
      fields[18] = accessionNumber;
      return fields.join('|');
    })
    .join('\r');
}

function accepted(acknowledgement: string, what: string): void {
  const code = fieldOf(acknowledgement, 'MSA', 1);
  if (code !== 'AA' && code !== 'CA')
    throw new Error(
      `${what} was answered ${code}: ${fieldOf(acknowledgement, 'ERR', 8) || fieldOf(acknowledgement, 'MSA', 3)}`,
    );
}

async function eventually<T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = await condition();
    if (found) return found as NonNullable<T>;
    if (Date.now() > deadline) throw new Error(`waited a minute for ${what}, in vain`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
