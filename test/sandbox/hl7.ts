/** As much HL7 v2 as the sandbox hospital needs; written apart from libs/hl7v2 so that one's fault is not the other's. */

/** One field of the first segment of that name, as HL7 counts it: MSH-1 is the separator itself. */
export function fieldOf(message: string, segment: string, sequence: number): string {
  const fields = segmentOf(message, segment)?.split('|') ?? [];
  return fields[segment === 'MSH' ? sequence - 1 : sequence] ?? '';
}

/** The message with one field of the first segment of that name replaced. */
export function withField(message: string, segment: string, sequence: number, value: string): string {
  const line = segmentOf(message, segment);
  if (line === undefined) throw new Error(`The message has no ${segment} segment`);
  const fields = line.split('|');
  const index = segment === 'MSH' ? sequence - 1 : sequence;
  while (fields.length <= index) fields.push('');
  fields[index] = value;
  return message.replace(line, () => fields.join('|'));
}

/** A file with one segment a line as HL7 wants it: each segment ends in a carriage return. */
export function fromLines(text: string): string {
  const segments = text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== '');
  return segments.map((segment) => `${segment}\r`).join('');
}

/** HL7 v2 DTM in UTC, with its offset. */
export function timestamp(now: Date): string {
  return `${now.toISOString().replace(/[-:T]/g, '').slice(0, 14)}+0000`;
}

/** An acknowledgement in original mode. */
export function acknowledgementOf(message: string, code: string, now: Date): string {
  const version = fieldOf(message, 'MSH', 12) || '2.5.1';
  const event = fieldOf(message, 'MSH', 9).split('^')[1] ?? '';
  const [application, facility] = [fieldOf(message, 'MSH', 5), fieldOf(message, 'MSH', 6)];
  const controlId = fieldOf(message, 'MSH', 10);
  return fromLines(
    [
      `MSH|^~\\&|${application}|${facility}|${fieldOf(message, 'MSH', 3)}|${fieldOf(message, 'MSH', 4)}|${timestamp(now)}||ACK^${event}|A${controlId}|P|${version}`,
      `MSA|${code}|${controlId}`,
    ].join('\n'),
  );
}

function segmentOf(message: string, name: string): string | undefined {
  return message.split('\r').find((line) => line.startsWith(`${name}|`));
}
