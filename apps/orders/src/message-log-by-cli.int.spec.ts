import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anOrmMessage } from '#testing';
import { AnOrdersService } from './an-orders-service.spec.js';

const cli = join(import.meta.dirname, '../../../dist/libs/messaging/src/cli/collimator.js');

let service: AnOrdersService;
beforeAll(async () => {
  service = await AnOrdersService.start();
}, 60_000);
afterAll(() => service?.stop());

const collimator = (...args: string[]): Promise<{ status: number; out: string; err: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args, '--service', service.url], (error, out, err) =>
      resolve({ status: error ? Number(error.code) : 0, out, err }),
    );
  });

describe('The message log from a terminal', () => {
  it('finds a refused message, shows it, and has it taken again', async () => {
    const message = anOrmMessage({ mrn: 'CLI1', placerOrderNumber: 'CLI1', control: 'CA', controlId: 'CLI1-CA' });
    await service.take(message);
    await service.take(anOrmMessage({ mrn: 'CLI1', placerOrderNumber: 'CLI1', controlId: 'CLI1-NW' }));

    const list = await collimator('hl7', 'list', '--outcome', 'refused');
    expect(list.status).toBe(0);
    expect(list.out).toMatch(/^id +at +direction/);
    const id = /^(\S+) .*CLI1-CA +AE +1 +204 ORC-2/m.exec(list.out)?.[1];
    expect((await collimator('hl7', 'show', id!)).out.trimEnd().split('\n')).toEqual(
      message.toString().trimEnd().split('\r'),
    );
    expect((await collimator('hl7', 'reprocess', id!)).out).toContain('\nMSA|AA|CLI1-CA');

    const found = await collimator('hl7', 'search', '--patient', 'urn:oid:2.25.1001|CLI1', '--json');
    const { messages } = JSON.parse(found.out) as { messages: { controlId: string }[] };
    expect(messages.map(({ controlId }) => controlId).sort()).toEqual(['CLI1-CA', 'CLI1-NW']);
    expect((await collimator('hl7', 'search', '--number', 'CLI1')).out).toContain('order.placed.v1');
    expect((await collimator('hl7', 'search', '--number', 'NOBODY')).out).toBe('no message is so\n');
  });

  it('says what it cannot do, and why', async () => {
    const refused = await collimator('hl7', 'resend', '00000000-0000-0000-0000-000000000000');
    expect([refused.status, refused.err]).toEqual([1, expect.stringMatching(/^404: no message has this id/)]);
    const wrong = await collimator('hl7', 'search');
    expect([wrong.status, wrong.err]).toEqual([2, expect.stringContaining('say what to search by: --number')]);
    expect((await collimator('hl7', '--help')).out).toContain('collimator hl7 reprocess <id>');
  });

  it('tries and explains the message of a file', async () => {
    const file = join(tmpdir(), `collimator-cli-${process.pid}.hl7`);
    writeFileSync(file, anOrmMessage({ mrn: 'CLI2', placerOrderNumber: 'CLI2' }));
    expect((await collimator('hl7', 'try', file)).out).toMatch(/^accepted\. Nothing of it was stored\./);
    expect((await collimator('hl7', 'explain', file)).out).toMatch(/^PID-8 .*→ Patient\.gender$/m);
  });
});
