import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { frame, FrameReader, FrameTooLarge } from './mllp-framing.js';

const read = (chunks: Buffer[], maxBytes = 1_000) => {
  const reader = new FrameReader(maxBytes);
  return { messages: chunks.flatMap((chunk) => reader.push(chunk)).map((one) => one.toString('latin1')), reader };
};

describe('FrameReader', () => {
  const texts = ['MSH|1\r', '', 'a\x1cb', '\x1c', 'ends with \x1c', '\x1c\x1c\x0b', 'a\nb\x0b\r'];
  const stream = Buffer.concat(texts.map((text) => frame(Buffer.from(text, 'latin1'))));

  it('gives the same messages wherever the bytes are split', () => {
    for (let split = 0; split <= stream.length; split++)
      expect(read([stream.subarray(0, split), stream.subarray(split)]).messages).toEqual(texts);
  });

  it('gives them byte by byte, and split in any way', () => {
    expect(read([...stream].map((byte) => Buffer.of(byte))).messages).toEqual(texts);
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 8 }), (cuts) => {
        const ends = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const chunks = ends.slice(1).map((end, index) => stream.subarray(ends[index], end));
        expect(read(chunks).messages).toEqual(texts);
      }),
    );
  });

  it('skips and counts what stands between frames, line ends apart', () => {
    const { messages, reader } = read([
      Buffer.from('ping\r\n'),
      frame(Buffer.from('a')),
      Buffer.from('\r\nx'),
      frame(Buffer.from('b')),
    ]);
    expect(messages).toEqual(['a', 'b']);
    expect(reader.junkBytes).toBe(5);
    expect(reader.partial).toBe(false);
  });

  it('knows a frame that has begun and not ended', () => {
    const { reader, messages } = read([Buffer.from('\x0bMSH|\x1c')]);
    expect({ messages, partial: reader.partial }).toEqual({ messages: [], partial: true });
  });

  it('reads a frame of 10 MB in pieces of a socket', () => {
    const large = Buffer.alloc(10 * 1024 * 1024, 'x');
    const bytes = frame(large);
    const reader = new FrameReader(large.length);
    const messages: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 65_536) messages.push(...reader.push(bytes.subarray(at, at + 65_536)));
    expect(messages).toHaveLength(1);
    expect(messages[0]!.equals(large)).toBe(true);
  });

  it('refuses a frame of one byte more than it may hold, as soon as it does', () => {
    expect(read([frame(Buffer.alloc(10, 'x'))], 10).messages).toHaveLength(1);
    expect(() => read([Buffer.from(`\x0b${'x'.repeat(11)}`)], 10)).toThrow(FrameTooLarge);
    expect(() => read([Buffer.from(`\x0b${'\x1c'.repeat(13)}`)], 10)).toThrow(FrameTooLarge);
  });
});
