import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Appointment, DiagnosticReport, ImagingStudy } from 'fhir/r4.js';
import {
  acknowledge,
  applicationAcknowledgement,
  contentError,
  parseMessage,
  rejection,
  type Hl7Refusal,
} from '#hl7v2';
import { dicomUidIdentifier, extensions, mergePatients, systems } from '#fhir';
import {
  appointmentMessage,
  envelopeTo,
  mergeMessage,
  orderReply,
  orderStatusMessage,
  reportToMessage,
  type OrderNews,
  type ResultFacts,
} from '#mapping';
import { anAdministration, aPatient, aServiceRequest, peerSuite, site } from '#testing';
import { hapiHl7v2Peer, judge } from './hapi-hl7v2.js';

const now = new Date('2026-03-02T08:00:00Z');
const hospital = site();
const from = { ...hospital.identity, controlId: 'A1', now };
const envelope = envelopeTo({ application: 'EMR', facility: 'SGH' }, { controlId: 'C1', now }, hospital);
const patient = aPatient({ name: [{ family: "O'Mélia & Söhne", given: ['Tilda', 'Maria Anna'] }] });
const order = aServiceRequest({ patient });
const text = (said: string) => [{ contentType: 'text/plain', data: Buffer.from(said).toString('base64') }];
const report: DiagnosticReport = {
  resourceType: 'DiagnosticReport',
  status: 'final',
  code: { text: 'CT' },
  presentedForm: text('Line one.\nA | in ^ it & more ~ \\ all.'),
  conclusion: 'Normal.',
};
const study: ImagingStudy = {
  resourceType: 'ImagingStudy',
  status: 'available',
  subject: {},
  identifier: [dicomUidIdentifier('1.2.3')],
  numberOfInstances: 2,
};
const given = anAdministration({ id: 'm', subject: { reference: `Patient/${patient.id}` } });

const request = (version: string, type: string, control: string, conditions = '', ...more: string[]) =>
  parseMessage(
    Buffer.from(
      [
        `MSH|^~\\&|EMR|SGH|COLLIMATOR|SGH|20260302||${type}|M1|P|${version}|||${conditions}`,
        `ORC|${control}|ORD1^EMR`,
        'OBR|1|ORD1^EMR||CTHEAD^Head^L',
        ...more,
      ].join('\r'),
    ),
  );
const refusals: [string, Hl7Refusal | undefined][] = [
  ['taken', undefined],
  [
    'refused for its content',
    contentError(101, 'PID-3 is required | add it', { segment: 'PID', sequence: 1, field: 3, component: 1 }),
  ],
  ['rejected', rejection(207, 'send it again later')],
];
const acknowledgements = ['2.3.1', '2.4', '2.5', '2.5.1', '2.6'].flatMap((version) =>
  refusals.flatMap(([what, refusal]) =>
    ['', 'AL|NE'].map((conditions): [string, Buffer] => [
      `ACK of v${version}, ${what}${conditions && ', enhanced'}`,
      acknowledge(request(version, 'ORM^O01', 'NW', conditions), refusal, from),
    ]),
  ),
);
const ipc = ['IPC||||STEP1^EMR|CT', 'IPC||||STEP2^EMR|CT'];
const replies = (['ORM^O01', 'OMG^O19', 'OMI^O23'] as const).flatMap((type) =>
  ['NW', 'XO', 'CA', 'HD', 'SN'].flatMap((control): [string, Buffer][] => {
    const asked = request('2.5.1', type, control, '', ...(type === 'OMI^O23' ? ipc : []));
    const refusal = contentError(207, 'the order is completed');
    return [
      [`answer to ${type} ${control}`, acknowledge(asked, undefined, from, orderReply(asked, [order], hospital))],
      [`refusal of ${type} ${control}`, acknowledge(asked, refusal, from, orderReply(asked, undefined, hospital))],
      [
        `application's answer to ${type} ${control}`,
        applicationAcknowledgement(asked, from, orderReply(asked, [order], hospital)),
      ],
    ];
  }),
);
const news: OrderNews[] = [
  { control: 'SC', status: 'SC', start: now.toISOString() },
  { control: 'SC', status: 'IP' },
  { control: 'OC', status: 'CA' },
  { control: 'OD', status: 'DC' },
  { control: 'UC', status: 'CM' },
  { control: 'OH', status: 'HD', reasons: ['which side?', 'how old | & ^?'] },
  { control: 'OE', status: 'IP' },
  ...(['CR', 'DR', 'RQ', 'HR', 'UD', 'UM', 'UH'] as const).map((control) => ({
    control,
    status: 'DC' as const,
    reasons: ['done | before'],
  })),
];
const statuses = news.map((one): [string, Buffer] => [
  `status ${one.control}/${one.status}`,
  orderStatusMessage(one, order, patient, envelope),
]);
const facts: [string, Omit<ResultFacts, 'patient'>][] = [
  ['exam started', { serviceRequests: [order], examStatus: 'started' }],
  ['study', { serviceRequests: [order], imagingStudy: study }],
  ['contrast', { serviceRequests: [order], medicationAdministrations: [given] }],
  ['report', { serviceRequests: [order], report }],
  ['report without order', { serviceRequests: [], report }],
  [
    'report of two orders',
    { serviceRequests: [order, aServiceRequest({ patient, placerOrderNumber: 'ORD2' })], report, imagingStudy: study },
  ],
  ['report withdrawn', { serviceRequests: [order], report: { ...report, status: 'entered-in-error' } }],
];
const results = facts.map(([what, said]): [string, Buffer] => [
  `result: ${what}`,
  reportToMessage({ patient, ...said }, envelope),
]);
const { prior, survivor } = mergePatients(aPatient({ mrn: 'T1' }), patient, false);
const booked: Appointment = {
  resourceType: 'Appointment',
  status: 'booked',
  start: '2026-03-02T09:00:00.000Z',
  end: '2026-03-02T09:20:00.000Z',
  identifier: [{ system: systems.scheduledProcedureStepId, value: 'STEP1' }],
  extension: [
    { url: extensions.stationAeTitle, valueString: 'CT01' },
    { url: extensions.schedulingReason, valueString: 'next free time | & ^' },
  ],
  participant: [{ status: 'accepted', actor: { reference: 'Device/d', display: 'CT 1' } }],
};
const appointments = (['S12', 'S13', 'S14', 'S15', 'S16', 'S26'] as const).map((one): [string, Buffer] => [
  `appointment ${one}`,
  appointmentMessage(
    one,
    one === 'S15' ? { ...booked, status: 'cancelled', cancelationReason: { text: 'Patient | has & a cold' } } : booked,
    order,
    patient,
    envelope,
  ),
]);
// Orders' status, contrast, reactions, documents: what the golden test holds our writers to.
const told = join(import.meta.dirname, '../golden/told');
const golden = readdirSync(told)
  .filter((file) => file.endsWith('.out.hl7'))
  .map((file): [string, Buffer] => [
    `golden ${file}`,
    Buffer.from(readFileSync(join(told, file), 'utf8').replaceAll('\n', '\r')),
  ]);
const ours: [string, Buffer][] = [
  ...acknowledgements,
  ...replies,
  ...statuses,
  ...results,
  ...appointments,
  ...golden,
  ['merge', mergeMessage(survivor, prior, envelope)],
];

peerSuite('HAPI HL7 v2', hapiHl7v2Peer, () => {
  describe('Every message we send', () => {
    let verdicts: string[];
    beforeAll(async () => void (verdicts = await judge(ours.map(([, message]) => message))), 60_000);
    it.each(ours.map(([what], index) => [what, index] as const))('passes: %s', (_what, index) => {
      expect(verdicts[index]).toBe('OK');
    });
  });

  it('judges: what is broken does not pass', async () => {
    const [sound] = statuses.map(([, message]) => message.toString());
    const broken = [
      sound!.replace(/PID[^\r]*\r/, 'ZZZ|1\r').replace('ORC|', 'PV1||'),
      sound!.replace('ORM^O01^ORM_O01', 'XYZ^X99^XYZ_X99'),
      sound!.replace(/\rOBR\|1\|[^\r]*/, '\rOBR|1|X'),
      sound!.replace(/\|20260302080000\+0000\|/, '|yesterday|'),
      sound!.replace(/\|C1\|/, '||'),
    ];
    for (const verdict of await judge(broken.map((one) => Buffer.from(one)))) expect(verdict).not.toBe('OK');
  });
});
