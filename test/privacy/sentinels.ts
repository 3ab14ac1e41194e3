/**
 * An invented patient of whom everything is a word that occurs nowhere else: where one of them shows up, something of the
 * patient did.
 */
export const sentinels = {
  family: 'Zyxelquist',
  given: 'Ombrelline',
  mrn: 'MRNZQX77310',
  birthDate: '19311117',
  street: 'Quuxgasse',
  phone: '05559137731',
  allergy: 'Vorpalnut',
  reason: 'Frobnitzweh',
  finding: 'Grimblewort',
  order: 'ORDZQX881',
} as const;

const written = [...Object.values(sentinels), '1931-11-17', encodeURIComponent(sentinels.mrn)];

/** The sentinels in a text, whatever their case. */
export function sentinelsIn(text: string): string[] {
  const lower = text.toLowerCase();
  return written.filter((one) => lower.includes(one.toLowerCase()));
}

/** The lines of a text that hold a sentinel, for a failure that says where. */
export function linesWithSentinels(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => sentinelsIn(line).length > 0)
    .map((line) => line.slice(0, 300));
}

let sent = 0;

/** A message about the patient, as its sender sends it; `change` makes it wrong. */
export function messageOf(
  type: 'ORM^O01' | 'ORU^R01' | 'ADT^A04',
  options: { order?: string; application?: string; change?: (text: string) => string; controlId?: string } = {},
): Buffer {
  const { mrn, family, given, birthDate, street, phone, allergy, reason, finding } = sentinels;
  const { order = sentinels.order, application = type === 'ORU^R01' ? 'RIS-REPORTS' : 'EMR' } = options;
  const { change = (text: string) => text, controlId = `PRIV${process.pid}-${++sent}` } = options;
  const bodies: Record<typeof type, string[]> = {
    'ORM^O01': [
      'PV1|1|O|RAD^^^SGH||||9001^Referrer^Rita',
      `ORC|NW|${order}^EMR||||||||||9001^Referrer^Rita`,
      `OBR|1|${order}^EMR||CTCHESTC^CT^L|||||||||${allergy}${'|'.repeat(14)}^^^^^R||||^${reason}`,
      `AL1|1|DA|${allergy}^${allergy}^L|SV|${allergy} rash`,
      ...[
        'KIDNEY^Kidney disease^99CONTRAST',
        'METFORMIN^Takes metformin^99CONTRAST',
        '82810-3^Pregnancy status^LN',
      ].map((code, index) => `OBX|${index + 1}|CWE|${code}||N^^HL70136||||||F|||${stamp()}`),
    ],
    'ORU^R01': [
      `ORC|RE|${order}^EMR`,
      `OBR|1|${order}^EMR|REP-${order}^RIS|CTCHESTC^CT^L${'|'.repeat(18)}${stamp()}|||F`,
      `OBX|1|TX|GDT^Report^L||${finding} of ${given}.||||||F`,
    ],
    'ADT^A04': ['PV1|1|O|RAD^^^SGH'],
  };
  const lines = [
    `MSH|^~\\&|${application}|SGH|COLLIMATOR|SGH|${stamp()}||${type}|${controlId}|P|2.5.1||||||UNICODE UTF-8`,
    ...(type === 'ADT^A04' ? [`EVN||${stamp()}`] : []),
    `PID|1||${mrn}^^^SGH^MR||${family}^${given}||${birthDate}|F|||${street} 13^^Town||${phone}`,
    ...bodies[type],
  ];
  return Buffer.from(change(lines.map((line) => `${line}\r`).join('')));
}

function stamp(): string {
  return new Date().toISOString().slice(0, 19).replace(/\D/g, '');
}
