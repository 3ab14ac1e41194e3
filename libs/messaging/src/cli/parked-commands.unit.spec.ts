import { describe, it, expect } from '@jest/globals';
import { table, UsageError } from './command-line.js';
import { readCommand, requestFor } from './parked-commands.js';

const at = ['--service', 'http://127.0.0.1:3002/'];

describe('collimator parked', () => {
  it('turns each command into its request', () => {
    const request = (...args: string[]) => requestFor(readCommand([...args, ...at], {}));
    expect(request('list')).toEqual({ url: 'http://127.0.0.1:3002/parked', method: 'GET' });
    expect(request('list', '--key=a/b').url).toBe('http://127.0.0.1:3002/parked?key=a%2Fb');
    expect(request('replay', 'record:t:1:2').url).toBe('http://127.0.0.1:3002/parked/record%3At%3A1%3A2/replay');
    expect(request('skip', '7', '--reason', 'entered twice')).toEqual({
      url: 'http://127.0.0.1:3002/parked/7/skip',
      method: 'POST',
      body: '{"reason":"entered twice"}',
    });
  });

  it.each([
    ['no verb', [...at], /list, show, replay or skip/],
    ['no service', ['list'], /--service/],
    ['a skip without a reason', ['skip', '7', ...at], /--reason/],
    ['a replay without a key', ['replay', ...at], /key of a patient/],
    ['an unknown option', ['list', '--force', ...at], /--force/],
    ['an option without its value', ['list', '--service'], /--service needs a value/],
  ])('refuses %s', (_what, args, message) => {
    expect(() => readCommand(args, {})).toThrow(UsageError);
    expect(() => readCommand(args, {})).toThrow(message);
  });

  it('takes the token from the environment unless it is given', () => {
    expect(readCommand(['list', ...at], { COLLIMATOR_TOKEN: 'a' }).token).toBe('a');
    expect(readCommand(['list', '--token', 'b', ...at], { COLLIMATOR_TOKEN: 'a' }).token).toBe('b');
  });

  it('lines up its columns', () => {
    expect(table([{ id: '1', key: 'patient' }, { id: '22' }], ['id', 'key'])).toBe('id  key\n1   patient\n22');
  });
});
