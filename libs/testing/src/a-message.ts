/** What a test may say about a message of the test EMR; everything has a harmless default. */
export interface MessageParts {
  controlId?: string;
  application?: string;
  facility?: string;
  mrn?: string;
  familyName?: string;
  givenName?: string;
  /** HL7 v2 version, 2.5.1 unless given. */
  version?: string;
  /** Segments put after the last one. */
  extra?: string[];
}

let sent = 0;

/** An HL7 v2 order (ORM^O01) of the test EMR in the encoding it goes over the wire in, without the MLLP frame. */
export function anOrmMessage(
  parts: MessageParts & {
    /** ORC-1. */
    control?: string;
    /** ORC-5; left empty unless given. */
    orderStatus?: string;
    placerOrderNumber?: string;
    /** OBR-18; left empty unless given, so that orders assigns one. */
    accessionNumber?: string;
    procedure?: string;
    priority?: 'S' | 'A' | 'R';
    /** OBR-27.4, HL7 DTM. */
    start?: string;
  } = {},
): Buffer {
  const { control = 'NW', placerOrderNumber = 'ORD1', accessionNumber = '', procedure = 'CTHEAD' } = parts;
  const { priority = 'R', start = '', orderStatus = '' } = parts;
  return message(parts, 'ORM^O01', [
    `PV1|1|O|RAD^^^SGH||||9001^Referrer^Rita`,
    `ORC|${control}|${placerOrderNumber}^EMR|||${orderStatus}|||||||9001^Referrer^Rita`,
    `OBR|1|${placerOrderNumber}^EMR||${procedure}^${procedure}^L` +
      field(18 - 4, accessionNumber) +
      field(27 - 18, `^^^${start}^^${priority}`),
  ]);
}

/** An admission message (ADT) of the test EMR: a registration, unless another event is given. */
export function anAdtMessage(
  parts: MessageParts & {
    event?: string;
    /** PV1-2, HL7 table 0004. */
    patientClass?: string;
    /** PV1-3: point of care, room, bed. */
    location?: string;
    /** PV1-19; left empty unless given, so that there is no visit. */
    visitNumber?: string;
  } = {},
): Buffer {
  const { event = 'A04', patientClass = 'O', location = 'RAD^^^SGH', visitNumber = '' } = parts;
  const pv1 = `PV1|1|${patientClass}|${location}${field(19 - 3, visitNumber)}`;
  return message(parts, `ADT^${event}`, [pv1], ['EVN||20260302080000']);
}

/** A merge (ADT^A40) of the test EMR: patient `prior` is no more, `mrn` survives. */
export function aMergeMessage(parts: MessageParts & { prior: string; event?: string }): Buffer {
  return message(parts, `ADT^${parts.event ?? 'A40'}`, [`MRG|${parts.prior}^^^SGH^MR`], ['EVN||20260302080000']);
}

/** A report (ORU^R01) of the test reporting system. */
export function anOruMessage(
  parts: MessageParts & {
    placerOrderNumber?: string;
    accessionNumber?: string;
    procedure?: string;
    /** OBR-25, HL7 table 0123. */
    status?: 'P' | 'F' | 'C';
    text?: string;
  } = {},
): Buffer {
  const { placerOrderNumber = 'ORD1', accessionNumber = '', procedure = 'CTHEAD', status = 'F' } = parts;
  const { text = 'No abnormality.' } = parts;
  return message({ application: 'RIS-REPORTS', ...parts }, 'ORU^R01', [
    `ORC|RE|${placerOrderNumber}^EMR`,
    `OBR|1|${placerOrderNumber}^EMR|REP-${placerOrderNumber}^RIS|${procedure}^${procedure}^L` +
      field(18 - 4, accessionNumber) +
      field(22 - 18, '20260302110000') +
      field(25 - 22, status),
    `OBX|1|TX|GDT^Report^L||${text}||||||${status}`,
  ]);
}

/** An appointment (SIU) of the test RIS: one that is booked, unless another event is given. */
export function aSiuMessage(
  parts: MessageParts & {
    /** MSH-9.2. */
    event?: string;
    /** SCH-2; empty for none. */
    appointmentNumber?: string;
    /** SCH-26; empty for none. */
    placerOrderNumber?: string;
    /** SCH-27. */
    fillerOrderNumber?: string;
    /** SCH-6. */
    reason?: string;
    /** SCH-25, HL7 table 0278. */
    status?: string;
    /** AIS-4, HL7 DTM; empty for no AIS. */
    start?: string;
    /** AIS-7, in minutes. */
    minutes?: number;
    /** AIL-3.3; empty for no AIL. */
    room?: string;
  } = {},
): Buffer {
  const { event = 'S12', placerOrderNumber = 'ORD1', fillerOrderNumber = '', reason = '', status = '' } = parts;
  const { appointmentNumber = `APP-${placerOrderNumber}`, start = '', minutes, room = '' } = parts;
  const numbered = (number: string, authority: string) => (number ? `${number}^${authority}` : '');
  const length = minutes === undefined ? '' : `|||${minutes}|min`;
  const segments = [
    `SCH||${numbered(appointmentNumber, 'RIS')}||||${reason}` +
      field(25 - 6, status) +
      field(26 - 25, numbered(placerOrderNumber, 'EMR')) +
      field(27 - 26, numbered(fillerOrderNumber, 'RIS')),
    'RGS|1',
    ...(start ? [`AIS|1||CTHEAD^CT head^L|${start}${length}`] : []),
    ...(room ? [`AIL|1||RAD^^${room}`] : []),
  ];
  return message({ application: 'RIS', ...parts }, `SIU^${event}`, segments);
}

/** A document (MDM) of the test reporting system, final unless its completion status (TXA-17) says otherwise. */
export function anMdmMessage(
  parts: MessageParts & {
    /** T02, unless given. */
    event?: string;
    /** TXA-12. */
    number?: string;
    /** TXA-13. */
    parent?: string;
    placerOrderNumber?: string;
    /** TXA-15; left empty unless given. */
    accessionNumber?: string;
    /** TXA-6, when it was dictated. */
    time?: string;
    /** TXA-17, HL7 table 0271. */
    status?: string;
    /** None where it is empty. */
    text?: string;
  } = {},
): Buffer {
  const { event = 'T02', number = 'DOC1', parent, placerOrderNumber = 'ORD1', accessionNumber = '' } = parts;
  const { time = '20260302110000', status = 'AU', text = 'No abnormality.' } = parts;
  return message(
    { application: 'RIS-REPORTS', ...parts },
    `MDM^${event}`,
    [
      'PV1|1|O|RAD',
      'TXA|1|DI^Diagnostic imaging^HL70270|TX|||' +
        `${time}|||44^Leser^Lea|||${number}^RIS|${parent ? `${parent}^RIS` : ''}|${placerOrderNumber}^EMR|` +
        `${accessionNumber}||${status}||AV`,
      ...(text ? [`OBX|1|TX|18782-3^Findings^LN||${text}||||||F`] : []),
    ],
    [`EVN|${event}|20260302110000`],
  );
}

/** Field values are put as many bars further as the number of the field they follow is away. */
function field(distance: number, value: string): string {
  return '|'.repeat(distance) + value;
}

function message(parts: MessageParts, type: string, segments: string[], first: string[] = []): Buffer {
  const { application = 'EMR', facility = 'SGH', mrn = 'P1', version = '2.5.1' } = parts;
  const { familyName = 'Tester', givenName = 'Tilda', controlId = `MSG${process.pid}-${++sent}` } = parts;
  return Buffer.from(
    [
      `MSH|^~\\&|${application}|${facility}|COLLIMATOR|SGH|20260302080000||${type}|${controlId}|P|${version}||||||UNICODE UTF-8`,
      ...first,
      `PID|1||${mrn}^^^SGH^MR||${familyName}^${givenName}||19700131|F`,
      ...segments,
      ...(parts.extra ?? []),
    ]
      .map((segment) => `${segment}\r`)
      .join(''),
  );
}
