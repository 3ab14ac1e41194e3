import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ImagingStudy } from 'fhir/r4.js';
import { uuidFrom } from '#fhir';
import { aPatient, aServiceRequest, until } from '#testing';
import { SandboxEmr } from '../../../../test/sandbox/emr.js';
import { APacs, type PacsFault } from '../a-pacs.spec.js';
import { AResultsService, anExam, anExpectedStudy } from '../a-results-service.spec.js';

const lookup = { firstAfterSeconds: 0, everySeconds: 0.2, giveUpAfterSeconds: 3 };
let emr: SandboxEmr;
let pacs: APacs;
let service: AResultsService;
beforeAll(async () => {
  [emr, pacs] = await Promise.all([new SandboxEmr().start(), new APacs().start()]);
  service = await AResultsService.start({
    pacs: { name: 'pacs', qidoUrl: pacs.qidoUrl, timeoutSeconds: 10, lookup },
    destinations: [{ name: 'emr', kind: 'fhir', url: emr.fhirUrl, timeoutSeconds: 2 }],
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await Promise.all([emr.stop(), pacs.stop()]);
});

let studies = 0;
/** A patient whose exam made these images, numbered within the study. */
function aCase(...images: number[]) {
  const uid = `1.2.840.${++studies}`;
  const patient = aPatient({ mrn: `ZZCANARY${studies}` });
  const order = aServiceRequest({ placerOrderNumber: uid, accessionNumber: `A${studies}`, patient });
  const study = (orders: (typeof order)[], numbers: number[]) =>
    anExpectedStudy(
      uid,
      patient,
      orders,
      numbers.map((n) => `${uid}.1.${n}`),
    );
  return {
    uid,
    patient,
    order,
    inPacs: (...numbers: number[]) =>
      void pacs.studies.set(
        uid,
        numbers.map((n) => `${uid}.1.${n}`),
      ),
    complete: (mpps = 1, made = images, of = order) =>
      service.tell(
        'imaging.schedule.exam-completed.v1',
        anExam(`${uid}.9.${mpps}`, 'completed', patient, [of]),
        patient,
        of,
        study([of], made),
      ),
    discontinue: (made = images) =>
      service.tell(
        'imaging.schedule.exam-discontinued.v1',
        anExam(`${uid}.9`, 'stopped', patient, [order]),
        patient,
        order,
        study([order], made),
      ),
    told: async (what: 'available' | 'missing') =>
      (await service.published(`imaging.result.study-${what}.v1`, patient.id)).map(([one]) => one as ImagingStudy),
    looked: (
      state: string,
      condition: (found: NonNullable<Awaited<ReturnType<AResultsService['lookup']>>>) => boolean = () => true,
    ) =>
      until(
        async () => {
          const found = await service.lookup(state, uid);
          return found && condition(found) && found;
        },
        { within: 20_000, what: `the study to be ${state}` },
      ),
  };
}
const atEmr = ({ uid }: { uid: string }) =>
  emr.store.all('ImagingStudy').filter(({ identifier }) => identifier![0]!.value === `urn:oid:${uid}`);

describe('A study', () => {
  it('is looked for until the PACS has all of it, then told once, with its order, and is at the EMR', async () => {
    const one = aCase(1, 2);
    await one.complete();
    await one.looked('searching', ({ attempts }) => attempts >= 2);
    one.inPacs(1);
    const { attempts } = (await service.lookup('searching', one.uid))!;
    await one.looked('searching', (found) => found.attempts >= attempts + 2);
    expect(await one.told('available')).toEqual([]);
    one.inPacs(1, 2);
    await one.looked('found');
    expect(await one.told('available')).toMatchObject([{ status: 'available', numberOfInstances: 2 }]);
    const [resources] = await service.published('imaging.result.study-available.v1', one.patient.id);
    expect(resources!.map(({ resourceType }) => resourceType).sort()).toEqual([
      'ImagingStudy',
      'Patient',
      'ServiceRequest',
    ]);
    await service.delivered(one.patient, 2);
    expect(atEmr(one)).toMatchObject([{ status: 'available', numberOfInstances: 2 }]);
    const asked = pacs.asked.get(one.uid);
    const later = aCase(1);
    await later.complete();
    await later.looked('searching', (found) => found.attempts >= 3);
    expect(pacs.asked.get(one.uid)).toBe(asked);
  });

  it('that does not come in time is flagged and told missing once, and found when it comes late', async () => {
    const one = aCase(1, 2);
    one.inPacs(1);
    await one.complete();
    await one.looked('missing');
    expect(await one.told('missing')).toMatchObject([{ status: 'registered', numberOfInstances: 2 }]);
    await service.delivered(one.patient, 1);
    expect(atEmr(one)).toEqual([]);
    one.inPacs(1, 2);
    await service.sql('UPDATE study_lookup SET next_attempt_at = now() WHERE study_instance_uid = $1', [one.uid]);
    await one.looked('found');
    expect(await one.told('available')).toHaveLength(1);
    expect(await one.told('missing')).toHaveLength(1);
  });

  it('that grows by another exam is told again with all of it and both orders', async () => {
    const one = aCase(1);
    one.inPacs(1);
    await one.complete();
    await one.looked('found');
    const second = aServiceRequest({ placerOrderNumber: `${one.uid}-2`, patient: one.patient });
    await one.complete(2, [2], second);
    await one.looked('searching', ({ attempts }) => attempts >= 3);
    one.inPacs(1, 2);
    await one.looked('found');
    expect(
      (await one.told('available')).map(({ numberOfInstances, basedOn }) => [numberOfInstances, basedOn!.length]),
    ).toEqual([
      [1, 1],
      [2, 2],
    ]);
    const [, grown] = await service.published('imaging.result.study-available.v1', one.patient.id);
    expect(grown!.filter(({ resourceType }) => resourceType === 'ServiceRequest')).toHaveLength(2);
    await service.delivered(one.patient, 4);
    expect(atEmr(one)).toMatchObject([{ numberOfInstances: 2 }]);
  });

  it('is told once where another exam adds nothing to it', async () => {
    const one = aCase(1);
    one.inPacs(1);
    await one.complete();
    await one.looked('found');
    await one.complete(2);
    await service.handled(one.patient);
    await one.looked('found', ({ attempts }) => attempts >= 2);
    expect(await one.told('available')).toHaveLength(1);
    await service.delivered(one.patient, 3);
  });

  it('of a discontinued exam is looked for only where it made images', async () => {
    const [some, none] = [aCase(1), aCase()];
    some.inPacs(1);
    none.inPacs(1);
    for (const one of [none, some]) await one.discontinue();
    await some.looked('found');
    await service.handled(none.patient);
    expect(await service.sql('SELECT FROM study_lookup WHERE study_instance_uid = $1', [none.uid])).toEqual([]);
  });
});

describe('A PACS', () => {
  it.each<[string, PacsFault, string]>([
    ['answers 500', 500, 'peer-error'],
    ['answers 503', 503, 'peer-busy'],
    ['closes the connection', 'close', 'peer-unavailable'],
  ])(
    'that %s is asked again for as long as it takes; nothing is told missing by it, and others go on',
    async (_what, fault, code) => {
      const [one, other] = [aCase(1), aCase(1)];
      for (const each of [one, other]) each.inPacs(1);
      pacs.faults.set(one.uid, fault);
      await one.complete();
      await one.looked('searching', (found) => found.code === code && found.attempts >= 2);
      await other.complete();
      await other.looked('found');
      // Beyond the time that the site gives a study.
      await service.sql("UPDATE study_lookup SET since = since - interval '1 hour' WHERE study_instance_uid = $1", [
        one.uid,
      ]);
      const { attempts } = (await service.lookup('searching', one.uid))!;
      await one.looked('searching', (found) => found.attempts > attempts);
      expect(await one.told('missing')).toEqual([]);
      pacs.faults.delete(one.uid);
      await one.looked('found', (found) => found.code === null);
      expect(await one.told('available')).toHaveLength(1);
    },
    60_000,
  );

  it.each<[string, PacsFault, string]>([
    ['refuses the question', 400, 'peer-refused'],
    ['answers garbage', 'garbage', 'peer-answer-malformed'],
    ['answers without end', 'huge', 'peer-answer-malformed'],
  ])(
    'that %s is asked again until the time is up; then the study is flagged with the reason, and others go on',
    async (_what, fault, code) => {
      const [one, other] = [aCase(1), aCase(1)];
      other.inPacs(1);
      pacs.faults.set(one.uid, fault);
      await one.complete();
      await until(() => pacs.asked.has(one.uid), { what: 'the PACS to be asked' });
      await other.complete();
      await other.looked('found');
      const flagged = await one.looked('missing');
      expect(flagged).toMatchObject({ code, reason: expect.stringContaining('the PACS') });
      expect(flagged.reason).not.toContain('ZZCANARY');
      expect(await one.told('missing')).toHaveLength(1);
    },
    60_000,
  );

  it('that never answers for some studies is asked for the others meanwhile', async () => {
    const [other, ...silent] = Array.from({ length: 5 }, () => aCase(1));
    for (const one of silent) {
      pacs.faults.set(one.uid, 'never');
      one.inPacs(1);
      await one.complete();
    }
    other!.inPacs(1);
    await until(() => silent.every(({ uid }) => pacs.asked.has(uid)), { what: 'the PACS to be asked' });
    await other!.complete();
    await other!.looked('found');
    // Found while the first question was still open, which counts only at its end.
    expect(await service.lookup('searching', silent[0]!.uid)).toMatchObject({ attempts: 0 });
    for (const one of silent) {
      await one.looked('searching', ({ code }) => code === 'peer-timeout');
      pacs.faults.delete(one.uid);
      await one.looked('found');
    }
  }, 60_000);

  it('that is away is waited out, through a restart', async () => {
    const one = aCase(1);
    one.inPacs(1);
    await pacs.stop();
    await one.complete();
    await one.looked('searching', (found) => found.code === 'peer-unavailable');
    await service.restart();
    await pacs.start();
    await one.looked('found');
    expect(await one.told('available')).toHaveLength(1);
    await service.delivered(one.patient, 2);
  }, 60_000);
});

describe('Studies that cannot be dealt with', () => {
  it('are listed with the reason and keep no other from being found', async () => {
    const broken = Array.from({ length: 5 }, () => aCase(1));
    for (const one of broken) await one.complete();
    for (const one of broken) {
      await one.looked('searching');
      await service.sql("DELETE FROM resource WHERE type = 'ImagingStudy' AND id = $1", [
        uuidFrom('ImagingStudy', one.uid),
      ]);
      one.inPacs(1);
    }
    const other = aCase(1);
    other.inPacs(1);
    await other.complete();
    await other.looked('found');
    for (const one of broken) await one.looked('searching', ({ code }) => code === 'unexpected');
  }, 60_000);

  it('leave no patient data in the log', () => {
    expect(service.log.some((line) => line.includes('no answer of the PACS'))).toBe(true);
    expect(service.log.join('')).not.toContain('ZZCANARY');
  });
});
