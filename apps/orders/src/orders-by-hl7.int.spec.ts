import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AllergyIntolerance, AuditEvent, Bundle, Encounter, Patient, ServiceRequest } from 'fhir/r4.js';
import { anAdtMessage, anOrmMessage, until } from '#testing';
import type { Tried } from '#intake';
import { AnOrdersService, answerIn } from './an-orders-service.spec.js';

let service: AnOrdersService;
beforeAll(async () => (service = await AnOrdersService.start()), 60_000);
afterAll(() => service?.stop());

const orderOf = async (number: string) => (await service.search<ServiceRequest>('ServiceRequest', number))[0];
const patientOf = async (number: string) => (await service.search<Patient>('Patient', number))[0];
const accessionNumberOf = (order: ServiceRequest | undefined) =>
  order?.identifier?.find(({ type }) => type?.coding?.[0]?.code === 'ACSN')?.value;
const toldOf = async (number: string, what: 'placed' | 'changed' | 'cancelled') =>
  service.published(`imaging.order.${what}.v1`, (await patientOf(number))?.id ?? 'nobody');
const framed = (message: Buffer) => Buffer.concat([Buffer.from([0x0b]), message, Buffer.from([0x1c, 0x0d])]);

describe('An order by HL7', () => {
  it('is stored whole before it is acknowledged: message, patient, order and what is told of them', async () => {
    const message = anOrmMessage({ mrn: 'NEW1', placerOrderNumber: 'NEW1', controlId: 'NEW1', start: '202603031000' });
    expect(await service.take(message)).toEqual({ code: 'AA' });
    const order = await orderOf('NEW1');
    const patient = await patientOf('NEW1');
    expect(order).toMatchObject({ status: 'active', subject: { reference: `Patient/${patient!.id}` } });
    expect(order!.occurrenceDateTime).toBe('2026-03-03T10:00:00+01:00');
    expect(accessionNumberOf(order)).toMatch(/^TST\d{8}$/);
    expect(await service.messages('NEW1')).toMatchObject([{ outcome: 'accepted', acknowledgement: 'AA', attempts: 1 }]);
    const [placed] = await toldOf('NEW1', 'placed');
    expect(placed!.map((one) => one.resourceType).sort()).toEqual(['Patient', 'ServiceRequest']);
    expect(await service.published('imaging.patient.registered.v1', patient!.id)).toHaveLength(1);
    await until(async () => (await service.sql('SELECT FROM outbox WHERE published_at IS NULL')).length === 0, {
      what: 'everything told',
    });
  });

  it('is changed and cancelled, and others hear each once', async () => {
    const order = { mrn: 'LIFE1', placerOrderNumber: 'LIFE1' };
    for (const parts of [{}, { control: 'XO', priority: 'S' }, { control: 'CA' }] as const)
      expect(await service.take(anOrmMessage({ ...order, ...parts }))).toEqual({ code: 'AA' });
    expect(await orderOf('LIFE1')).toMatchObject({ status: 'revoked', priority: 'stat' });
    for (const what of ['placed', 'changed', 'cancelled'] as const) expect(await toldOf('LIFE1', what)).toHaveLength(1);
    // A cancel said again, under a number of its own, changes nothing.
    expect(await service.take(anOrmMessage({ ...order, control: 'CA' }))).toEqual({ code: 'AA' });
    expect(await toldOf('LIFE1', 'cancelled')).toHaveLength(1);
    expect((await service.take(anOrmMessage({ ...order, control: 'XO', priority: 'R' }))).error).toBe('207');
  });

  it('is one, however often the same message comes, also at the same moment', async () => {
    const message = anOrmMessage({ mrn: 'SAME1', placerOrderNumber: 'SAME1', controlId: 'SAME1' });
    const answers = await Promise.all(Array.from({ length: 6 }, () => service.take(message)));
    expect(answers).toEqual(Array.from({ length: 6 }, () => ({ code: 'AA' })));
    expect(await service.take(message)).toEqual({ code: 'AA' });
    expect(await service.search('ServiceRequest', 'SAME1')).toHaveLength(1);
    expect(await toldOf('SAME1', 'placed')).toHaveLength(1);
    expect(await service.messages('SAME1')).toHaveLength(1);
  });

  it('has an accession number of its own, however many are placed at once', async () => {
    const numbers = Array.from({ length: 25 }, (_, n) => `MANY${n}`);
    const answers = await Promise.all(
      numbers.map((mrn) => service.take(anOrmMessage({ mrn, placerOrderNumber: mrn }))),
    );
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['AA']));
    const given = await Promise.all(numbers.map(async (number) => accessionNumberOf(await orderOf(number))));
    expect(new Set(given).size).toBe(25);
  });

  it('is given no accession number that a placer has taken', async () => {
    await service.take(anOrmMessage({ mrn: 'SEQ1', placerOrderNumber: 'SEQ1' }));
    const after = (by: number) => `TST${String(Number(accessionNumberOf(seq1)!.slice(3)) + by).padStart(8, '0')}`;
    const seq1 = await orderOf('SEQ1');
    const taken = anOrmMessage({ mrn: 'SEQ2', placerOrderNumber: 'SEQ2', accessionNumber: after(1) });
    expect(await service.take(taken)).toEqual({ code: 'AA' });
    expect(await service.take(anOrmMessage({ mrn: 'SEQ3', placerOrderNumber: 'SEQ3' }))).toEqual({ code: 'AA' });
    expect(accessionNumberOf(await orderOf('SEQ3'))).toBe(after(2));
  });
});

describe('A message that is refused', () => {
  it.each<[string, () => Buffer | string, object]>([
    [
      'an unknown event',
      () => anOrmMessage().toString().replace('ORM^O01', 'ADT^A99'),
      { code: 'AR', error: '201', place: 'MSH^1^9' },
    ],
    ['no patient number', () => anOrmMessage({ mrn: '' }), { code: 'AE', error: '101', place: 'PID^1^3' }],
    [
      'an unknown procedure',
      () => anOrmMessage({ mrn: 'X2', placerOrderNumber: 'X2', procedure: 'NOSUCH' }),
      { code: 'AE', error: '103', place: 'OBR^1^4' },
    ],
    [
      'a cancel before the order',
      () => anOrmMessage({ mrn: 'X3', placerOrderNumber: 'X3', control: 'CA' }),
      { code: 'AE', error: '204', place: 'ORC^1^2' },
    ],
    ['an unknown sender', () => anOrmMessage({ application: 'STRANGER' }), { code: 'AR', place: 'MSH^1^3' }],
    [
      'encoding characters that repeat',
      () => anOrmMessage().toString().replace('|^~\\&|', '|^^\\&|'),
      { code: 'AR', place: 'MSH^1^2' },
    ],
    ['encoding characters that are missing', () => anOrmMessage().toString().replace('|^~\\&|', '||'), { code: 'AR' }],
    ['no HL7 at all', () => 'GET / HTTP/1.1', { code: 'AR' }],
  ])('for %s says where and why', async (_what, message, expected) => {
    const answer = await service.take(message());
    expect({ ...answer, place: answer.place?.split('^').slice(0, 3).join('^') }).toMatchObject(expected);
    expect(answer.text?.length ?? 0).toBeGreaterThan(10);
  });

  it('is kept with its reason, counted when it comes again, and changes nothing', async () => {
    const message = anOrmMessage({ mrn: 'KEPT1', placerOrderNumber: 'KEPT1', controlId: 'KEPT1', procedure: 'NOSUCH' });
    await service.take(message);
    await service.take(message);
    const [logged, ...others] = await service.messages('KEPT1');
    expect(others).toEqual([]);
    expect(logged).toMatchObject({ outcome: 'refused', acknowledgement: 'AE', errorCode: '103', attempts: 2 });
    expect(logged!.errorText).toMatch(/^OBR-4/);
    expect(Buffer.from(await (await fetch(`${service.url}/hl7-messages/${logged!.id}`)).arrayBuffer())).toEqual(
      message,
    );
    expect(await patientOf('KEPT1')).toBeUndefined();
  });

  it('has the control id of another, or the number of another order, or of another patient', async () => {
    const first = { mrn: 'OTHER1', placerOrderNumber: 'OTHER1', controlId: 'OTHER1', accessionNumber: 'ACC1' };
    expect(await service.take(anOrmMessage(first))).toEqual({ code: 'AA' });
    const later = { ...first, controlId: undefined };
    const answers = [
      await service.take(anOrmMessage({ ...first, priority: 'S' })),
      await service.take(anOrmMessage({ ...later, priority: 'S' })),
      await service.take(anOrmMessage({ ...later, mrn: 'OTHER2' })),
      await service.take(anOrmMessage({ ...later, mrn: 'OTHER2', placerOrderNumber: 'OTHER2' })),
    ];
    expect(answers.map(({ code, error, place }) => [code, error, place?.split('^').slice(0, 3).join('^')])).toEqual([
      ['AE', '205', 'MSH^1^10'],
      ['AE', '205', 'ORC^1^2'],
      ['AE', '205', 'ORC^1^2'],
      ['AE', '205', 'OBR^1^18'],
    ]);
    expect(await orderOf('OTHER1')).toMatchObject({ priority: 'routine' });
    expect(await patientOf('OTHER2')).toBeUndefined();
  });

  it('leaves no patient data in the log', () => {
    const log = service.log.join('\n');
    expect(log).toContain('hl7 message answered');
    for (const canary of ['Tester', 'Tilda', '19700131', '1970-01-31', 'KEPT1', 'NEW1'])
      expect(log).not.toContain(canary);
  });
});

describe('On the wire', () => {
  /** Everything a connection says until so many acknowledgements came. */
  const answers = async (socket: ReturnType<AnOrdersService['connect']>, count: number) => {
    let said = '';
    socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ends = () => said.split('\x1c').length - 1;
    await until(() => Promise.resolve(ends() >= count), { what: `${count} acknowledgements` });
    return said.split('\x1c').slice(0, count).map(answerIn);
  };

  it('takes several messages in one packet, and one message in many', async () => {
    const socket = service.connect();
    await once(socket, 'connect');
    const together = ['WIRE1', 'WIRE2', 'WIRE3'].map((mrn) => framed(anOrmMessage({ mrn, placerOrderNumber: mrn })));
    socket.write(Buffer.concat(together));
    expect(await answers(socket, 3)).toEqual(Array.from({ length: 3 }, () => ({ code: 'AA' })));
    for (const byte of framed(anOrmMessage({ mrn: 'WIRE4', placerOrderNumber: 'WIRE4' })))
      socket.write(Buffer.of(byte));
    expect(await answers(socket, 1)).toEqual([{ code: 'AA' }]);
    socket.destroy();
    for (const number of ['WIRE1', 'WIRE2', 'WIRE3', 'WIRE4']) expect(await orderOf(number)).toBeDefined();
  });

  it('closes on 10 MB in one frame, and goes on with all others, also while a frame has no end', async () => {
    const open = service.connect();
    await once(open, 'connect');
    open.write(framed(anOrmMessage()).subarray(0, 100));
    const large = service.connect();
    large.on('error', () => undefined);
    await once(large, 'connect');
    large.write(Buffer.concat([Buffer.from([0x0b]), Buffer.alloc(10 * 1024 * 1024, 'x')]));
    await new Promise((closed) => large.on('close', closed));
    expect(await service.take(anOrmMessage({ mrn: 'AFTER1', placerOrderNumber: 'AFTER1' }))).toEqual({ code: 'AA' });
    expect(open.destroyed).toBe(false);
    open.destroy();
  });
});

describe('An admission by HL7', () => {
  it('makes the patient known and keeps them true, and others hear what changed', async () => {
    expect(await service.take(anAdtMessage({ mrn: 'ADT1' }))).toEqual({ code: 'AA' });
    expect(await service.take(anAdtMessage({ mrn: 'ADT1', event: 'A08', familyName: 'Changed' }))).toEqual({
      code: 'AA',
    });
    expect(await service.take(anAdtMessage({ mrn: 'ADT1', event: 'A08', familyName: 'Changed' }))).toEqual({
      code: 'AA',
    });
    const patient = (await patientOf('ADT1'))!;
    expect(patient.name![0]!.family).toBe('Changed');
    expect(await service.published('imaging.patient.registered.v1', patient.id)).toHaveLength(1);
    expect(await service.published('imaging.patient.updated.v1', patient.id)).toHaveLength(1);
  });

  it('follows a visit from bed to bed to its end, and others hear of each step, though the patient is the same', async () => {
    const visit = { mrn: 'BED1', visitNumber: 'VBED1', patientClass: 'I' };
    const steps: [string, string, string][] = [
      ['A01', 'WARD3^12^1', 'in-progress'],
      ['A02', 'ICU^1^1', 'in-progress'],
      ['A03', 'ICU^1^1', 'finished'],
      ['A13', 'ICU^1^1', 'in-progress'],
    ];
    for (const [event, location] of steps)
      expect(await service.take(anAdtMessage({ ...visit, event, location }))).toEqual({ code: 'AA' });
    const patient = (await patientOf('BED1'))!;
    const told = [
      ...(await service.published('imaging.patient.registered.v1', patient.id)),
      ...(await service.published('imaging.patient.updated.v1', patient.id)),
    ].map((resources) => resources.find((one): one is Encounter => one.resourceType === 'Encounter')!);
    expect(told.map(({ location, status }) => [location![0]!.location.display, status])).toEqual(
      steps.map(([, location, status]) => [location.replaceAll('^', ' '), status]),
    );
  });

  it('does not tell of a visit again that an order brings along unchanged, or new', async () => {
    const withVisit = (number: string) =>
      anOrmMessage({ mrn: 'BED2', placerOrderNumber: number })
        .toString()
        .replace('Referrer^Rita', `Referrer^Rita${'|'.repeat(12)}VBED2`);
    expect(await service.take(anAdtMessage({ mrn: 'BED2' }))).toEqual({ code: 'AA' });
    for (const number of ['BED2', 'BED3']) expect(await service.take(withVisit(number))).toEqual({ code: 'AA' });
    const { id } = (await patientOf('BED2'))!;
    expect(
      (await service.published('imaging.order.placed.v1', id)).map((told) =>
        told.map((one) => one.resourceType).sort(),
      ),
    ).toEqual([
      ['Encounter', 'Patient', 'ServiceRequest'],
      ['Encounter', 'Patient', 'ServiceRequest'],
    ]);
    expect(await service.published('imaging.patient.updated.v1', id)).toEqual([]);
  });
});

describe('An allergy by HL7', () => {
  const al1 = (substance: string, reaction: string) => `AL1|1|DA|^${substance}|SV|${reaction}`;
  const toldOfAllergies = async (number: string) =>
    (await service.published('imaging.patient.updated.v1', (await patientOf(number))!.id)).map((resources) =>
      resources.flatMap((one) => (one.resourceType === 'AllergyIntolerance' ? one.code!.text : [])),
    );

  it('comes with an order or an admission, is one however often it is said, and stays when a message leaves it out', async () => {
    const order = { mrn: 'AL1', placerOrderNumber: 'AL1', extra: [al1('Iodinated contrast', 'Hives')] };
    expect(await service.take(anOrmMessage(order))).toEqual({ code: 'AA' });
    const { id } = (await patientOf('AL1'))!;
    const [placed] = await toldOf('AL1', 'placed');
    expect(placed!.map((one) => one.resourceType).sort()).toEqual(['AllergyIntolerance', 'Patient', 'ServiceRequest']);
    expect(await service.take(anAdtMessage({ mrn: 'AL1', event: 'A08' }))).toEqual({ code: 'AA' });
    expect(await service.take(anAdtMessage({ mrn: 'AL1', event: 'A08', extra: order.extra }))).toEqual({ code: 'AA' });
    expect(await toldOfAllergies('AL1')).toEqual([]);
    expect(await service.take(anAdtMessage({ mrn: 'AL1', event: 'A08', extra: [al1('Latex', 'Rash')] }))).toEqual({
      code: 'AA',
    });
    expect(await toldOfAllergies('AL1')).toEqual([['Latex']]);
    const known = await service.get<Bundle<AllergyIntolerance>>(`/fhir/AllergyIntolerance?patient=${id}`);
    expect(known.entry!.map(({ resource }) => resource!.code!.text).sort()).toEqual(['Iodinated contrast', 'Latex']);
  });
});

describe('A weight, a diagnosis and a payor by HL7', () => {
  const extra = [
    'DG1|1||R51^Headache^I10',
    'OBX|1|NM|29463-7^Body weight^LN||72|kg^^UCUM|||||F|||20260301',
    'IN1|1||AOK1|AOK',
  ];
  it('travel with the order, are stored once, and are found', async () => {
    for (const placerOrderNumber of ['STATE1', 'STATE2'])
      expect(await service.take(anOrmMessage({ mrn: 'STATE', placerOrderNumber, extra }))).toEqual({ code: 'AA' });
    const { id } = (await patientOf('STATE'))!;
    const [placed] = await toldOf('STATE', 'placed');
    expect(placed!.map((one) => one.resourceType).sort()).toEqual([
      'Condition',
      'Coverage',
      'Observation',
      'Patient',
      'ServiceRequest',
    ]);
    for (const type of ['Condition', 'Coverage', 'Observation'])
      expect((await service.get<Bundle>(`/fhir/${type}?patient=${id}`)).total).toBe(1);
    const { reasonReference } = placed!.find((one) => one.resourceType === 'ServiceRequest')!;
    expect(reasonReference).toEqual([
      { reference: `Condition/${placed!.find((one) => one.resourceType === 'Condition')!.id}` },
    ]);
  });
});

describe('A message that is explained', () => {
  const explained = async (message: Buffer) => {
    const response = await fetch(`${service.url}/hl7-messages/explain`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: new Uint8Array(message),
    });
    return { status: response.status, text: await response.text() };
  };

  it('shows which field makes which element, and no value', async () => {
    const { status, text } = await explained(anOrmMessage({ mrn: 'EXPLAIN1', placerOrderNumber: 'EXPLAIN1' }));
    const { fields } = JSON.parse(text) as { fields: { place: string; makes: string[]; required?: string }[] };
    const field = (place: string) => fields.find((one) => one.place === place);
    expect(status).toBe(200);
    expect(field('PID-5')).toMatchObject({
      makes: ['Patient.name.family', 'Patient.name.given'],
      guide: [{ map: 'PID[Patient]', as: 'mapped' }],
    });
    expect(field('PID-3')!.required).toMatch(/^PID-3 must hold a number/);
    expect(field('PID-8')!.makes).toEqual(['Patient.gender']);
    for (const value of ['EXPLAIN1', 'Tilda']) expect(text).not.toContain(value);
  });

  it('is refused as it would be', async () => {
    const { status, text } = await explained(anOrmMessage({ mrn: '' }));
    expect([status, text]).toEqual([400, expect.stringContaining('would be refused: PID-3')]);
  });
});

describe('A message that is only tried', () => {
  const tried = async (message: Buffer) => {
    const response = await fetch(`${service.url}/hl7-messages/try`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: new Uint8Array(message),
    });
    return { status: response.status, body: (await response.json()) as Tried };
  };

  it('shows its acknowledgement, resources and events, and stores nothing of it', async () => {
    const message = anOrmMessage({ mrn: 'TRY1', placerOrderNumber: 'TRY1', controlId: 'TRY1' });
    const { status, body } = await tried(message);
    expect(status).toBe(200);
    expect(answerIn(body.acknowledgement)).toEqual({ code: 'AA' });
    expect(body.resources.map((one) => one.resourceType)).toEqual(['Patient', 'ServiceRequest']);
    expect(body.events.map(({ type }) => type)).toEqual(['imaging.patient.registered.v1', 'imaging.order.placed.v1']);
    expect(await patientOf('TRY1')).toBeUndefined();
    expect(await service.messages('TRY1')).toEqual([]);

    expect(await service.take(message)).toEqual({ code: 'AA' });
    const stored = await patientOf('TRY1');
    expect({ ...stored, meta: undefined }).toEqual({ ...body.resources[0], meta: undefined });
    expect((await tried(message)).body).toMatchObject({ resources: [], events: [] });
  });

  it('goes by what is stored: a change shows the next version, and why one is refused', async () => {
    const order = { mrn: 'TRY2', placerOrderNumber: 'TRY2' };
    expect((await tried(anOrmMessage({ ...order, control: 'CA' }))).body).toMatchObject({
      refusal: { errorCode: 204, place: 'ORC-2' },
      resources: [],
      events: [],
    });
    await service.take(anOrmMessage(order));
    const { body } = await tried(anOrmMessage({ ...order, control: 'CA' }));
    expect(body.resources).toMatchObject([
      { resourceType: 'ServiceRequest', status: 'revoked', meta: { versionId: '2' } },
    ]);
    expect(body.events).toMatchObject([{ type: 'imaging.order.cancelled.v1' }]);
    // Whose data the look showed is on record, though the patient's own resource was none of it.
    const patient = (await patientOf('TRY2'))!.id!;
    const looks = await service.sql<{ body: AuditEvent }>('SELECT body FROM audit_event WHERE body::text LIKE $1', [
      `%ServiceRequest/${body.resources[0]!.id}%`,
    ]);
    expect(JSON.stringify(looks.at(-1)!.body.entity)).toContain(`Patient/${patient}`);
    expect(await orderOf('TRY2')).toMatchObject({ status: 'active' });
  });

  it('shows the accession numbers it would get, and leaves them to be given', async () => {
    const two = anOrmMessage({
      mrn: 'TRY3',
      placerOrderNumber: 'TRY3A',
      extra: ['ORC|NW|TRY3B^EMR', 'OBR|2|TRY3B^EMR||CTHEAD'],
    });
    const numbersIn = (resources: object[]) =>
      (resources as { identifier?: { value: string }[] }[])
        .flatMap(({ identifier = [] }) => identifier.map(({ value }) => value))
        .filter((value) => /^TST\d+$/.test(value))
        .sort();
    const first = numbersIn((await tried(two)).body.resources);
    expect(new Set(first).size).toBe(2);
    expect(numbersIn((await tried(two)).body.resources)).toEqual(first);
    await service.take(two);
    expect(numbersIn([await orderOf('TRY3A'), await orderOf('TRY3B')] as object[])).toEqual(first);
  });

  it('is answered though it is no message, and asked for where there is none', async () => {
    expect((await tried(Buffer.from('hello'))).body.refusal?.text).toMatch(/MSH/);
    expect((await tried(Buffer.alloc(0))).status).toBe(400);
    expect((await tried(Buffer.alloc(9 * 1024 * 1024, 'x'))).status).toBe(413);
  });
});
