import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Bundle, DetectedIssue } from 'fhir/r4.js';
import { anAdtMessage, anOrmMessage, until } from '#testing';
import { acknowledgedAs, type Department } from '../department.js';
import { journey } from '../journey.js';

/** domain.md, journey 5, its screening: what the laboratory and the EMR say decides what the technologist reads. */
journey('an order for contrast', (start) => {
  let department: Department;
  beforeAll(async () => {
    const policy = join(mkdtempSync(join(tmpdir(), 'collimator-policy-')), 'policy.yaml');
    const shipped = readFileSync('deploy/local/contrast-policy.yaml', 'utf8');
    writeFileSync(policy, `signedOff: { by: 'Dr. Example', on: '2026-01-01' }\n${shipped}`);
    department = await start(['orders', 'scheduling', 'contrast'], {
      env: { CONTRAST_POLICY_FILE: policy },
      site: {
        senders: [
          { application: 'EMR', facility: 'SGH', timeZone: 'Europe/Berlin', sends: ['orders', 'admissions'] },
          { application: 'LAB', facility: 'SGH', timeZone: 'Europe/Berlin', sends: ['labs'] },
        ],
      },
    });
  }, 120_000);
  afterAll(() => department?.stop());

  const stamp = (daysAgo: number) =>
    new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '') + '070000';
  const asked = (code: string, answer: string, at = stamp(1)) => `OBX|1|CWE|${code}||${answer}^^HL70136||||||F|||${at}`;
  const answers = (kidney: string) => [
    asked('KIDNEY^Kidney disease^99CONTRAST', kidney),
    asked('METFORMIN^Takes metformin^99CONTRAST', 'N'),
    asked('REACTION^Reaction to contrast^99CONTRAST', 'N'),
    asked('82810-3^Pregnancy status^LN', 'N'),
  ];
  /** In two days, so that there is time for a preparation. */
  const place = (name: string, kidney: string) =>
    department.send(
      anOrmMessage({
        mrn: name,
        placerOrderNumber: name,
        procedure: 'CTCHESTC',
        start: stamp(-2),
        extra: answers(kidney),
      }),
    );
  const lab = (mrn: string, value: string, daysAgo = 1) =>
    department.send(
      Buffer.from(
        [
          `MSH|^~\\&|LAB|SGH|COLLIMATOR|SGH|${stamp(0)}||ORU^R01|LAB-${mrn}-${value}|P|2.5.1||||||UNICODE UTF-8`,
          `PID|1||${mrn}^^^SGH^MR||Tester^Tilda`,
          `OBR|1|||CHEM^Chemistry^L|||${stamp(daysAgo)}`,
          `OBX|1|NM|62238-1^eGFR^LN||${value}|mL/min/{1.73_m2}|||||F`,
        ]
          .map((line) => `${line}\r`)
          .join(''),
      ),
    );
  const alerts = (name: string, text: string) =>
    until(
      async () => {
        const lines = await department.scanner().queryWorklist({ MedicalAlerts: '' });
        const line = lines.find(({ placerOrderNumber }) => placerOrderNumber === name);
        return JSON.stringify(line?.elements.MedicalAlerts ?? '').includes(text);
      },
      { what: `the worklist to say ${text} of ${name}`, within: 20_000, every: 100 },
    );

  it('is screened by the time it is on the worklist, and again by every value of the laboratory', async () => {
    expect(acknowledgedAs(await place('K1', 'N'))).toBe('AA');
    await alerts('K1', 'CONTRAST: screened, proceed');
    expect(acknowledgedAs(await lab('K1', '22'))).toBe('AA');
    await alerts('K1', 'ONLY AFTER PREPARATION, not before');
    await lab('K1', '65', 0);
    await alerts('K1', 'CONTRAST: screened, proceed');
  });

  it('needs a physician where the kidneys are ill and nobody knows how, and goes on when one decides', async () => {
    await place('K2', 'Y');
    await alerts('K2', 'NEEDS PHYSICIAN DECISION');
    const { url } = department.contrast;
    const found = (await (
      await fetch(`${url}/fhir/DetectedIssue?status=final&code=iodinated-renal-intravenous`)
    ).json()) as Bundle<DetectedIssue>;
    const [issue] = found.entry!.map(({ resource }) => resource!);
    const mitigation = [
      {
        action: { text: 'aortic dissection suspected' },
        author: { display: 'Dr. Duty' },
        date: new Date().toISOString(),
      },
    ];
    const answer = await fetch(`${url}/fhir/DetectedIssue/${issue!.id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json', 'if-match': `W/"${issue!.meta!.versionId}"` },
      body: JSON.stringify({ ...issue, mitigation }),
    });
    expect(answer.status).toBe(200);
    await alerts('K2', 'CONTRAST: screened, proceed');
  });

  it('is stopped by an allergy that the EMR tells later', async () => {
    await place('K3', 'N');
    await alerts('K3', 'CONTRAST: screened, proceed');
    await department.send(anAdtMessage({ mrn: 'K3', event: 'A08', extra: ['AL1|1|DA|^Omnipaque|SV|Anaphylaxis'] }));
    await alerts('K3', 'CONTRAST: STOP');
  });
});
