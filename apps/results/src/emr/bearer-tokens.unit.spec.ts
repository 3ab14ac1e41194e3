import { describe, expect, it } from '@jest/globals';
import { site } from '#testing';
import { bearerTokensOf } from './bearer-tokens.js';

const fhir = (name: string, bearerTokenEnv?: string) =>
  ({
    name,
    kind: 'fhir',
    url: 'http://emr.example/fhir',
    timeoutSeconds: 1,
    ...(bearerTokenEnv && { bearerTokenEnv }),
  }) as const;
const mllp = {
  name: 'hl7',
  kind: 'mllp',
  host: 'emr',
  port: 1,
  application: 'A',
  facility: 'F',
  ackTimeoutSeconds: 1,
} as const;

describe('Bearer tokens', () => {
  it('come from the variables that the destinations name', () => {
    const tokens = bearerTokensOf(
      site({ destinations: [fhir('open'), mllp, fhir('one', 'ONE')] }),
      { ONE: ' secret\n' },
      '-',
    );
    expect([...tokens]).toEqual([['one', 'secret']]);
  });

  it.each([undefined, '', ' '])('that are not there (%p) are refused together, each with its path', (TWO) => {
    const destinations = [fhir('open'), fhir('one', 'ONE'), fhir('two', 'TWO'), fhir('three', 'THREE')];
    const read = () => bearerTokensOf(site({ destinations }), { THREE: 'secret', TWO }, '/etc/site.yaml');
    expect(read).toThrow(
      [
        'The site file /etc/site.yaml cannot be used:',
        '  destinations.1.bearerTokenEnv: the environment variable ONE is not set',
        '  destinations.2.bearerTokenEnv: the environment variable TWO is not set',
      ].join('\n'),
    );
  });
});
