import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePorts, until } from '#testing';
import { startChild, type ChildProcess } from './child-process.mjs';

const variables = [
  ...[
    'ORDERS_HTTP_PORT',
    'ORDERS_MLLP_PORT',
    'SCHEDULING_HTTP_PORT',
    'SCHEDULING_MLLP_PORT',
    'SCHEDULING_DICOM_PORT',
    'CONTRAST_HTTP_PORT',
    'CONTRAST_DICOM_PORT',
  ],
  ...[
    'RESULTS_HTTP_PORT',
    'RESULTS_MLLP_PORT',
    'RESULTS_DICOM_PORT',
    'SANDBOX_HTTP_PORT',
    'SANDBOX_FHIR_PORT',
    'SANDBOX_MLLP_PORT',
  ],
  ...['SANDBOX_QIDO_PORT', 'SANDBOX_DICOM_PORT', 'POSTGRES_PORT', 'KAFKA_PORT', 'KAFKA_CONTROLLER_PORT'],
];

describe('npm start', () => {
  let env: Record<string, string | undefined>;
  let home: string;
  let ports: number[];
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'collimator-start-'));
    ports = await freePorts(variables.length);
    const chosen = Object.fromEntries(variables.map((name, index) => [name, String(ports[index])]));
    const { PATH, HOME } = process.env;
    env = { PATH, HOME, ...chosen, COLLIMATOR_HOME: home };
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  const start = (args: string[], more: Record<string, string> = {}): { child: ChildProcess; output: () => string } => {
    let output = '';
    const onOutput = (chunk: string): void => void (output += chunk);
    const child = startChild(process.execPath, ['deploy/local/start.mjs', ...args], {
      env: { ...env, ...more },
      onOutput,
    });
    return { child, output: () => output };
  };

  it('refuses a taken port by its number and its variable, before it starts anything', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    const { port } = squatter.address() as AddressInfo;
    const { child, output } = start(['--once'], { RESULTS_MLLP_PORT: String(port) });
    expect((await child.exited).code).toBe(1);
    squatter.close();
    expect(output().trim()).toBe(
      `Port ${port} (results, HL7 over MLLP) is taken: stop what listens there, or set RESULTS_MLLP_PORT to a free port.`,
    );
    expect(existsSync(join(home, 'data'))).toBe(false);
  });

  it('plays the routine journey, and again on the data of the first start', async () => {
    for (const accessionNumber of ['SGH00000001', 'SGH00000002']) {
      const { child, output } = start(['--once']);
      const { code } = await child.exited;
      expect({ code, output: code === 0 ? '' : output() }).toEqual({ code: 0, output: '' });
      expect(output()).toContain(`accession number ${accessionNumber}`);
      for (const told of [
        'imaging.order.placed.v1',
        'imaging.schedule.exam-completed.v1',
        'asks for its worklist',
        'MPPS COMPLETED',
        'QIDO-RS',
        'imaging.result.dose-recorded.v1',
        'Observation final',
        'DiagnosticReport final',
      ])
        expect(output()).toContain(told);
    }
  }, 300_000);

  it('leaves no process behind, whether it is stopped or killed', async () => {
    for (const end of ['SIGINT', 'SIGKILL'] as const) {
      const { child, output } = start([]);
      await until(() => output().includes('Running now') || !child.running(), {
        within: 120_000,
        what: 'npm start to be up',
      });
      expect(child.running()).toBe(true);
      if (end === 'SIGKILL') await child.kill9();
      else await child.stop('SIGINT');
      await until(async () => (await Promise.all(ports.map(isSilent))).every(Boolean), {
        within: 60_000,
        what: 'every port to be free',
      });
    }
  }, 300_000);
});

/** True where nothing listens any more. */
async function isSilent(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
