import { describe, expect, it } from '@jest/globals';
import { alternativesOf, dateSearched, tokenOf, tokensOf, tokensSearched } from './index.js';

describe('Token parameters', () => {
  const found = (search: string, identifier: { system?: string; value?: string }) =>
    tokensSearched(search).some((token) => tokensOf(identifier).includes(token));

  it.each<[string, { system?: string; value?: string }, boolean]>([
    ['urn:a|1', { system: 'urn:a', value: '1' }, true],
    ['1', { system: 'urn:a', value: '1' }, true],
    ['1', { value: '1' }, true],
    ['urn:a|', { system: 'urn:a', value: '1' }, true],
    ['|1', { value: '1' }, true],
    ['|1', { system: 'urn:a', value: '1' }, false],
    ['urn:b|1', { system: 'urn:a', value: '1' }, false],
    ['2,urn:a|1', { system: 'urn:a', value: '1' }, true],
    ['a\\,b', { value: 'a,b' }, true],
    ['a,b', { value: 'a,b' }, false],
    ['x$y', { value: 'x$y' }, true],
    ['', { system: 'urn:a', value: '1' }, false],
    // A value that looks like another system's identifier is not one.
    ['urn:a|1', { value: 'urn:a|1' }, false],
    ['urn:a\\|1', { value: 'urn:a|1' }, true],
    ['urn:a|1', { system: 'urn:a', value: undefined }, false],
  ])('%s against %j: %s', (search, identifier, matches) => {
    expect(found(search, identifier)).toBe(matches);
  });

  it('have one form for a stored and a wanted identifier', () => {
    expect(tokensOf({ system: 'urn:a', value: 'x|y' })).toContain(tokenOf('urn:a', 'x|y'));
    expect(tokensOf({ system: 'urn:a', value: 'x|y' })).toContain(tokenOf(undefined, 'x|y'));
  });

  it('are split at commas that are not escaped', () => {
    expect(alternativesOf('a,b\\,c,\\\\')).toEqual(['a', 'b,c', '\\']);
  });
});

describe('Date parameters', () => {
  it.each([
    ['2026', 'eq', '2026-01-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['ge2026-01', 'ge', '2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'],
    ['gt2026-01-31', 'gt', '2026-01-31T00:00:00.000Z', '2026-02-01T00:00:00.000Z'],
    ['lt2026-01-31T10:00', 'lt', '2026-01-31T10:00:00.000Z', '2026-01-31T10:01:00.000Z'],
    ['2026-01-31T10:00:00+02:00', 'eq', '2026-01-31T08:00:00.000Z', '2026-01-31T08:00:01.000Z'],
    ['2026-01-31T10:00:00.5Z', 'eq', '2026-01-31T10:00:00.500Z', '2026-01-31T10:00:00.501Z'],
  ])('%s is %s the period %s to %s', (text, prefix, from, until) => {
    expect(dateSearched('_lastUpdated', text)).toEqual({ prefix, from: new Date(from), until: new Date(until) });
  });
  it.each([
    '',
    'yesterday',
    '2026-13',
    '2026-02-30',
    'ap2026',
    '2026-W10',
    '20260131',
    "2026-01-31'",
    '2026-01-31T25:00',
  ])('refuses %s', (text) => expect(() => dateSearched('_lastUpdated', text)).toThrow('use eq'));
});
