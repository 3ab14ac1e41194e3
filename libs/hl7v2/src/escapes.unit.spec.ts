import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { recommended, type EncodingCharacters } from './encoding-characters.js';
import { escape, unescape } from './escapes.js';

const separators = fc
  .uniqueArray(fc.constantFrom(...'|^~\\&#*!?$%@'), { minLength: 5, maxLength: 5 })
  .map(([field, component, repetition, mark, subcomponent]): EncodingCharacters => {
    return { field, component, repetition, escape: mark, subcomponent } as EncodingCharacters;
  });

describe('escape', () => {
  it('is undone by unescape, whatever the separators', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary-ascii' })),
        separators,
        (text, characters) => {
          expect(unescape(escape(text, characters), characters)).toBe(text.replaceAll('\r\n', '\n'));
        },
      ),
    );
  });

  it('leaves no separator in the value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
        expect(escape(text, recommended)).not.toMatch(/[|^~&\r\n\x1c\x0b]/); // eslint-disable-line no-control-regex
      }),
    );
  });
});

describe('unescape', () => {
  it.each([
    ['\\F\\\\S\\\\T\\\\R\\\\E\\', '|^&~\\'],
    ['a\\.br\\b\\.sp\\c\\.sp+2\\d\\.ce\\e', 'a\nb\nc\nd\ne'],
    ['\\H\\bold\\N\\ \\.in+4\\text\\Zlocal\\', 'bold text'],
    ['\\X0D0A\\', '\r\n'],
    ['a lone \\ stays', 'a lone \\ stays'],
    ['C:\\temp\\x', 'C:\\temp\\x'],
    ['\\E\\F\\E\\', '\\F\\'],
    ['odd \\X1\\ \\XZZ\\', 'odd \\X1\\ \\XZZ\\'],
    ['ends \\X41', 'ends \\X41'],
    ['ends \\F', 'ends \\F'],
    ['\\X41\\\\F\\', 'A|'],
    ['\\XC3\\\\XA9\\\\', 'é\\'],
  ])('reads %s', (value, text) => {
    expect(unescape(value, recommended)).toBe(text);
  });

  it('leaves everything as it is where the message declares no escape character', () => {
    expect(unescape('\\F\\', { ...recommended, escape: '' })).toBe('\\F\\');
  });
});
