import { describe, expect, it } from '@jest/globals';
import { asFailure, fail, failureCodes, isRace } from './index.js';

const thrown = (properties: object, message = 'Smith^John') => Object.assign(new Error(message), properties);

describe('asFailure', () => {
  it.each([
    ['a lost connection', thrown({ code: '08006' }), 'database-unavailable'],
    ['too many connections', thrown({ code: '53300' }), 'database-unavailable'],
    ['a server shutting down', thrown({ code: '57P01' }), 'database-unavailable'],
    ['a transaction Postgres gave up as idle', thrown({ code: '25P03' }), 'database-unavailable'],
    ['a pool without a free connection', thrown({}, 'timeout exceeded when trying to connect'), 'database-unavailable'],
    ['a serialization failure', thrown({ code: '40001' }), 'version-conflict'],
    ['a deadlock', thrown({ code: '40P01' }), 'version-conflict'],
    ['an overlap', thrown({ code: '23P01' }), 'version-conflict'],
    ['a stored key', thrown({ code: '23505' }), 'duplicate-key'],
    ['a broken constraint', thrown({ code: '23514' }), 'unexpected'],
    ['a broker away', thrown({ name: 'KafkaJSConnectionError' }), 'broker-unavailable'],
    ['a peer away', thrown({ code: 'ECONNREFUSED' }), 'peer-unavailable'],
    ['a peer too slow', thrown({ name: 'TimeoutError' }), 'peer-timeout'],
    ['a fault of ours', new TypeError('x is not a function'), 'unexpected'],
    ['no error at all', 'Smith^John', 'unexpected'],
    ['nothing', undefined, 'unexpected'],
  ] as const)('gives %s its place', (_what, error, code) => {
    expect(asFailure(error).code).toBe(code);
  });

  it('looks into what TypeORM, fetch and several addresses tried wrap around the cause', () => {
    const refused = thrown({ code: 'ECONNREFUSED' });
    expect(asFailure(thrown({ driverError: thrown({ code: '40001' }) })).code).toBe('version-conflict');
    expect(asFailure(new AggregateError([refused])).code).toBe('peer-unavailable');
    expect(asFailure(new TypeError('fetch failed', { cause: refused })).code).toBe('peer-unavailable');
  });

  it('knows Postgres by where the connection was refused', () => {
    const error = thrown({ code: 'ECONNREFUSED' });
    error.stack = 'Error: connect\n    at /srv/node_modules/pg-pool/index.js:45:11';
    expect(asFailure(error).code).toBe('database-unavailable');
  });

  it('keeps a failure as it is', () => {
    const failure = fail('field-missing', 'PID-3 is required', { field: 'PID-3' });
    expect(asFailure(failure)).toBe(failure);
  });

  it('passes on nothing of what was thrown, not even a name made of data', () => {
    for (const error of [thrown({}), thrown({ name: 'Smith^John 1970' }), thrown({ code: '23505', detail: 'Smith' })])
      expect(asFailure(error).message).not.toContain('Smith');
  });
});

describe('isRace', () => {
  it('is a conflict of writers and a key stored meanwhile, not a key the domain refuses', () => {
    expect(isRace(asFailure(thrown({ code: '40001' })))).toBe(true);
    expect(isRace(asFailure(thrown({ driverError: thrown({ code: '23505' }) })))).toBe(true);
    expect(isRace(fail('duplicate-key', 'the accession number is in use'))).toBe(false);
    expect(isRace(asFailure(thrown({ code: '08006' })))).toBe(false);
  });
});

describe('the closed list', () => {
  it('answers what the client can mend with 4xx and what it cannot with 5xx', () => {
    for (const [code, { fate, status }] of Object.entries(failureCodes))
      if (fate === 'refuse' && code !== 'not-supported') expect([code, Math.floor(status / 100)]).toEqual([code, 4]);
  });
});
