import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { newEvent } from '#events';
import { FhirStore, systems, uuidFrom } from '#fhir';
import { UnitOfWork } from '#messaging';
import { checkSite, dataSourceFor, migrate } from '#platform';
import { contrastMigrations } from '../../dist/apps/contrast/src/contrast.module.js';
import { planContrast } from '../../dist/apps/contrast/src/contrast-plan.decider.js';
import { checkPolicy } from '../../dist/apps/contrast/src/policy/load-policy.js';
import { PatientFactsStore } from '../../dist/apps/contrast/src/screening/patient-facts.store.js';
import { ScreeningDesk } from '../../dist/apps/contrast/src/screening/screening-desk.js';

const DAY = 24 * 60 * 60 * 1000;
const YEARS = 10;
const loinc = (code) => ({ coding: [{ system: 'http://loinc.org', code }] });

/** Ten years of a patient: kidney values each week, ten other values beside each, a diagnosis a week, some allergies. */
function historyOf(patientId) {
  const subject = { reference: `Patient/${patientId}` };
  const weeks = Array.from({ length: YEARS * 52 }, (_, week) => new Date(Date.now() - week * 7 * DAY).toISOString());
  const observation = (code, effectiveDateTime, value, unit) => ({
    resourceType: 'Observation',
    id: uuidFrom('Observation', patientId, code, effectiveDateTime),
    status: 'final',
    code: loinc(code),
    subject,
    effectiveDateTime,
    valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
    performer: [{ display: 'Laboratory of the bench' }],
  });
  return weeks.flatMap((at, week) => [
    observation('2160-0', at, 1 + (week % 3), 'mg/dL'),
    observation('62238-1', at, 30 + (week % 60), 'mL/min/{1.73_m2}'),
    ...Array.from({ length: 10 }, (_, index) => observation(`${1000 + index}-1`, at, index, 'mmol/L')),
    {
      resourceType: 'Condition',
      id: uuidFrom('Condition', patientId, at),
      subject,
      recordedDate: at,
      code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code: week === 3 ? 'N18.3' : `Z${week % 90}` }] },
    },
    ...(week % 26 === 0
      ? [
          {
            resourceType: 'AllergyIntolerance',
            id: uuidFrom('AllergyIntolerance', patientId, at),
            patient: subject,
            code: { text: `Substance ${week}` },
            reaction: [{ severity: 'mild', manifestation: [{ text: 'rash' }] }],
          },
        ]
      : []),
  ]);
}

/**
 * How long it takes to screen an order of a patient with ten years of history among others like them: from the beginning
 * of the unit of work to its commit, with everything read, decided, stored and told. Every screening finds something new.
 *
 * @param {(what: string, measured: string, goal?: string) => void} report
 * @param {string} url of Postgres
 */
export async function screening(report, url) {
  const database = { url, schema: 'bench_screening', poolSize: 4 };
  await migrate(database, contrastMigrations);
  const source = await dataSourceFor(database, contrastMigrations).initialize();
  try {
    const infrastructure = { service: 'contrast', database };
    const unitOfWork = new UnitOfWork(source, { now: () => new Date() }, infrastructure);
    const store = new FhirStore();
    const facts = new PatientFactsStore(store);
    const content = parse(readFileSync('deploy/local/contrast-policy.yaml', 'utf8'));
    const policy = checkPolicy({ ...content, signedOff: { by: 'Bench', on: '2026-01-01' } });
    const desk = new ScreeningDesk(store, facts, policy);
    const site = checkSite(parse(readFileSync('deploy/local/site.yaml', 'utf8')));
    const told = (patient, resources) =>
      newEvent({
        type: 'imaging.patient.updated.v1',
        patientId: patient.id,
        cause: 'bench',
        now: new Date(),
        resources: [patient, ...resources],
      });

    const patients = Array.from({ length: 8 }, (_, index) => ({
      resourceType: 'Patient',
      id: uuidFrom('Patient', 'bench', String(index)),
      gender: 'female',
      birthDate: '1950-01-31',
    }));
    const orderIds = [];
    for (const patient of patients) {
      const order = {
        resourceType: 'ServiceRequest',
        id: uuidFrom('ServiceRequest', patient.id),
        status: 'active',
        intent: 'order',
        subject: { reference: `Patient/${patient.id}` },
        code: { coding: [{ system: systems.procedure, code: 'CTCHESTC' }] },
      };
      orderIds.push(order.id);
      const history = historyOf(patient.id);
      await unitOfWork.run(patient.id, async ({ manager, now }) => {
        const { plan } = planContrast(undefined, order, site);
        await store.save(manager, [patient, order, plan], now);
        for (let from = 0; from < history.length; from += 500)
          await facts.keep(told(patient, history.slice(from, from + 500)), manager, now);
      });
    }
    await source.query('ANALYZE');
    const [{ count }] = await source.query('SELECT count(*) FROM resource');

    const times = [];
    const bare = [];
    for (let run = 0; run < 240; run++) {
      const index = run % patients.length;
      const patient = patients[index];
      const lab = {
        resourceType: 'Observation',
        id: uuidFrom('Observation', 'bench', patient.id, String(run)),
        status: 'final',
        code: loinc('62238-1'),
        subject: { reference: `Patient/${patient.id}` },
        effectiveDateTime: new Date().toISOString(),
        valueQuantity: { value: run % 2 ? 25 : 60, unit: 'mL/min/{1.73_m2}' },
      };
      await unitOfWork.run(patient.id, ({ manager, now }) => facts.keep(told(patient, [lab]), manager, now));
      const floor = performance.now();
      await unitOfWork.run(patient.id, async (transaction) => {
        const [known] = await store.readMany(transaction.manager, [{ type: 'Patient', id: patient.id }]);
        transaction.publish(
          newEvent({
            type: 'imaging.patient.updated.v1',
            patientId: patient.id,
            cause: String(run),
            now: transaction.now,
            resources: [known],
          }),
        );
      });
      if (run >= 40) bare.push(performance.now() - floor);
      const began = performance.now();
      await unitOfWork.run(patient.id, (transaction) => desk.screenOrder(orderIds[index], transaction));
      // The first ones compile and prepare.
      if (run >= 40) times.push(performance.now() - began);
    }
    const [{ outcomes }] = await source.query(
      "SELECT count(*) AS outcomes FROM outbox WHERE type = 'imaging.contrast.screened.v1'",
    );
    if (Number(outcomes) !== 240) throw new Error(`240 screenings should have told something, not ${outcomes}`);
    const at = (values, p) =>
      `${values.sort((a, b) => a - b)[Math.floor(((values.length - 1) * p) / 100)].toFixed(1)} ms`;
    report(`screening with ${Math.round(count / patients.length)} resources of ${YEARS} years, p50`, at(times, 50));
    report(
      `screening with ${Math.round(count / patients.length)} resources of ${YEARS} years, p95`,
      at(times, 95),
      'goal ≤ 20 ms',
    );
    report('  one read and one event in a unit of work, p50', at(bare, 50));
    report('  one read and one event in a unit of work, p95', at(bare, 95));
  } finally {
    await source.query('DROP SCHEMA bench_screening CASCADE');
    await source.destroy();
  }
}
