import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fieldOf, fromLines, timestamp, withField } from './hl7.js';

/** Both the sources (test/sandbox) and the build (dist/test/sandbox) find the samples beside the sources. */
const folder = join(import.meta.dirname.replace(/[/\\]dist[/\\]test[/\\]sandbox$/, '/test/sandbox'), 'messages');

/** A sample message by the name of its file, such as `order-ct-chest`. */
export function sample(name: string): string {
  return fromLines(readFileSync(join(folder, `${name}.hl7`), 'utf8'));
}

/**
 * A sample message as if sent now, under numbers of its own.
 *
 * @param orderNumber replaces the placer order number in ORC-2 and OBR-2, keeping its assigning authority
 */
export function sampleNow(name: string, controlId: string, orderNumber?: string, now = new Date()): string {
  const fresh = withField(withField(sample(name), 'MSH', 7, timestamp(now)), 'MSH', 10, controlId);
  if (orderNumber === undefined) return fresh;
  return ['ORC', 'OBR'].reduce((message, segment) => {
    const authority = fieldOf(message, segment, 2).split('^').slice(1).join('^');
    return withField(message, segment, 2, authority ? `${orderNumber}^${authority}` : orderNumber);
  }, fresh);
}
