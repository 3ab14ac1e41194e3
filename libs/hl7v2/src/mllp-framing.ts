const START = 0x0b;
const END = 0x1c;
const RETURN = 0x0d;

/** Thrown for a frame that goes on beyond the limit; the connection cannot be used any more. */
export class FrameTooLarge extends Error {
  override readonly name = 'FrameTooLarge';
}

/** Wraps a message for MLLP: `<VT> message <FS><CR>` (HL7 v2.5.1 appendix C, section C.2). */
export function frame(message: Buffer): Buffer {
  return Buffer.concat([Buffer.of(START), message, Buffer.of(END, RETURN)]);
}

/**
 * Takes bytes as they come, split and joined in any way, and gives the whole frames in them. Bytes between frames are
 * skipped and counted; a frame holds at most `maxBytes`.
 */
export class FrameReader {
  private chunks: Buffer[] = [];
  private held = 0;
  private inFrame = false;
  private endSeen = false;
  /** Bytes outside frames so far, CR and LF apart. */
  junkBytes = 0;

  constructor(private readonly maxBytes: number) {}

  /** True while a frame has begun and not ended. */
  get partial(): boolean {
    return this.inFrame;
  }

  /**
   * @returns the messages that ended with these bytes, without their framing
   * @throws FrameTooLarge
   */
  push(bytes: Buffer): Buffer[] {
    const messages: Buffer[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (!this.inFrame) {
        const start = bytes.indexOf(START, at);
        this.countJunk(bytes.subarray(at, start < 0 ? bytes.length : start));
        if (start < 0) break;
        this.inFrame = true;
        at = start + 1;
        continue;
      }
      if (this.endSeen) {
        this.endSeen = false;
        if (bytes[at] === RETURN) {
          messages.push(this.take());
          at++;
          continue;
        }
        // <FS> alone is no end: it belongs to the message.
        this.keep(Buffer.of(END));
      }
      const end = bytes.indexOf(END, at);
      this.keep(bytes.subarray(at, end < 0 ? bytes.length : end));
      if (end < 0) break;
      this.endSeen = true;
      at = end + 1;
    }
    return messages;
  }

  private keep(part: Buffer): void {
    this.held += part.length;
    if (this.held > this.maxBytes) throw new FrameTooLarge(`a frame is larger than ${this.maxBytes} bytes`);
    if (part.length > 0) this.chunks.push(part);
  }

  private take(): Buffer {
    const message = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks);
    this.chunks = [];
    this.held = 0;
    this.inFrame = false;
    return message;
  }

  private countJunk(bytes: Buffer): void {
    for (const byte of bytes) if (byte !== RETURN && byte !== 0x0a) this.junkBytes++;
  }
}
