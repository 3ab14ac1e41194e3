import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Module, Param, Post, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { asFailure, createLogger, fail, Metrics, NestLog, useHttp, withoutData } from './index.js';

/** Invented; must appear nowhere. */
const canary = 'ZZCANARY^QUINCE';
const mrn = '990017744';
const token = 'the-token-of-the-emr';

@Controller('fhir/Patient')
class Clumsy {
  @Post()
  refuse(@Body() body: { name?: string }): never {
    throw fail('field-invalid', 'Patient.name must be an array', {
      field: 'Patient.name',
      cause: new Error(body.name),
    });
  }
  @Get('gone/:mrn')
  gone(): never {
    throw fail('state-conflict', 'the order is completed');
  }
  @Get('fault/:mrn')
  fault(@Param('mrn') number: string): never {
    throw Object.assign(new Error(`duplicate key (${number})\n    at ${number}`), { detail: number, query: canary });
  }
}
@Module({ controllers: [Clumsy] })
class ClumsyModule {}

describe('A patient pushed through the error paths', () => {
  const lines: string[] = [];
  const logger = createLogger('test', 'trace', { write: (line) => void lines.push(line) });
  const metrics = new Metrics();
  const answers: string[] = [];
  let app: INestApplication;
  let url: string;
  beforeAll(async () => {
    app = await NestFactory.create(ClumsyModule, { bodyParser: false, logger: new NestLog(logger) });
    useHttp(app, { logger, metrics, apiTokens: { emr: createHash('sha256').update(token).digest('hex') } });
    await app.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await app.close();
    metrics.registry.clear();
  });

  async function send(path: string, init: RequestInit = {}, bearer = token) {
    const response = await fetch(url + path, {
      ...init,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', ...init.headers },
    });
    const text = await response.text();
    answers.push(text, ...[...response.headers].map(([name, value]) => `${name}: ${value}`));
    return { status: response.status, type: response.headers.get('content-type'), body: JSON.parse(text) };
  }

  it('is refused by the endpoint with the place and the fix', async () => {
    const { status, type, body } = await send('/fhir/Patient', {
      method: 'POST',
      body: JSON.stringify({ name: canary }),
    });
    expect({ status, type }).toEqual({ status: 400, type: 'application/fhir+json; charset=utf-8' });
    expect(body.issue[0]).toMatchObject({ diagnostics: 'Patient.name must be an array', expression: ['Patient.name'] });
  });
  it('is answered with the status of the failure', async () => {
    const { status, body } = await send(`/fhir/Patient/gone/${mrn}`);
    expect({ status, text: body.issue[0].diagnostics }).toEqual({ status: 409, text: 'the order is completed' });
  });
  it('is told of a fault of ours without its text', async () => {
    const { status, body } = await send(`/fhir/Patient/fault/${mrn}?name=${canary}`);
    expect(status).toBe(500);
    expect(body.issue[0].diagnostics).toBe('unexpected Error');
  });
  it('is not echoed by a body that is no JSON', async () => {
    const { status, body } = await send('/fhir/Patient', { method: 'POST', body: `{"name": "${canary}` });
    expect({ status, issue: body.issue[0].diagnostics }).toEqual({ status: 400, issue: 'the body is not valid JSON' });
  });
  it('is not read without a token, however broken or large the body is', async () => {
    const { status, body } = await send('/fhir/Patient', { method: 'POST', body: `{${canary}` }, 'wrong-token');
    expect({ status, code: body.issue[0].code }).toEqual({ status: 401, code: 'login' });
  });
  it('is not stored in a body larger than 1 MB', async () => {
    const large = JSON.stringify({ name: canary.repeat(80_000) });
    expect((await send('/fhir/Patient', { method: 'POST', body: large })).status).toBe(413);
    const elsewhere = await send('/orders', { method: 'POST', body: large });
    expect(elsewhere).toMatchObject({ status: 413, type: 'application/problem+json; charset=utf-8' });
    expect(elsewhere.body).toMatchObject({ code: 'too-large', status: 413 });
  });
  it('is not echoed by an address nobody serves, or that cannot be decoded', async () => {
    expect((await send(`/patients/${mrn}?name=${canary}`)).status).toBe(404);
    expect((await send(`/fhir/Patient/fault/%E0${mrn}`)).status).toBe(400);
  });
  it('is logged as method, route pattern, status, client and trace', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await send(`/fhir/Patient/fault/${mrn}`, { headers: { traceparent } });
    const logged = lines.map((line) => JSON.parse(line)).filter((line) => line.traceId);
    expect(logged).toEqual([
      expect.objectContaining({
        traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
        method: 'GET',
        route: '/fhir/Patient/fault/:mrn',
        status: 500,
        client: 'emr',
      }),
    ]);
  });
  it('leaves a log call made without care as kinds and places only', () => {
    const error = Object.assign(new Error(canary, { cause: new Error(mrn) }), { detail: canary, parameters: [mrn] });
    logger.error(error);
    logger.error({ err: error });
    logger.warn({ err: asFailure(error), patient: { name: canary }, resources: [{ id: mrn }] }, 'not done');
    logger.warn({ whatever: error }, 'not done');
    logger.info({ body: { resourceType: 'Patient', name: canary } });
    logger.child({ err: error }).info('from a child');
    new NestLog(logger).error(canary, `${canary}\n    at ${mrn}`);
    new NestLog(logger).error(error);
    expect(lines.filter((line) => line.includes('[dropped]')).length).toBeGreaterThanOrEqual(2);
    expect(JSON.stringify(withoutData(error))).toContain('canary.unit.spec');
  });
  it('has left no trace in answers, headers, log and metrics', async () => {
    expect(answers.length).toBeGreaterThan(20);
    expect(lines.length).toBeGreaterThan(15);
    const everything = [...answers, ...lines, await metrics.registry.metrics()].join('\n');
    expect(everything).toContain(
      'http_server_request_duration_seconds_count{method="GET",route="/fhir/Patient/fault/:mrn",status="500"} 2',
    );
    for (const secret of ['CANARY', 'QUINCE', mrn, token]) expect(everything).not.toContain(secret);
  });
});
