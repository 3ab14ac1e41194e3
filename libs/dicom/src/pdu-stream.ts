import { ProtocolViolation, pduTypes } from './pdu.js';

/** One whole PDU: its type and what follows the six bytes of its head. */
export interface Pdu {
  type: number;
  body: Buffer;
}

/**
 * Cuts a byte stream into PDUs. The claimed length is judged from the head alone, before anything of the body is kept,
 * so no peer can make it hold more than one PDU of the allowed size.
 */
export class PduStream {
  #chunks: Buffer[] = [];
  #size = 0;

  /** `maxDataLength`: the longest P-DATA-TF we announced, in bytes. */
  constructor(
    private readonly maxDataLength: number,
    private readonly maxAssociateLength = 128 * 1024,
  ) {}

  /** Whether part of a PDU is waiting for its rest. */
  get isPartial(): boolean {
    return this.#size > 0;
  }

  /**
   * Takes a chunk and gives the PDUs that are whole with it.
   * @throws ProtocolViolation for an unknown PDU type or a length beyond what is allowed.
   */
  *push(chunk: Buffer): Generator<Pdu> {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    while (this.#size >= 6) {
      const head = this.#front(6);
      const type = head[0] as number;
      const length = head.readUInt32BE(2);
      if (length > this.#allowed(type)) throw new ProtocolViolation(6, 'a PDU claims more than the allowed length');
      if (this.#size < 6 + length) return;
      const whole = this.#front(6 + length);
      this.#drop(6 + length);
      yield { type, body: whole.subarray(6, 6 + length) };
    }
  }

  #allowed(type: number): number {
    switch (type) {
      case pduTypes.associateRequest:
      case pduTypes.associateAccept:
        return this.maxAssociateLength;
      case pduTypes.data:
        return this.maxDataLength;
      case pduTypes.associateReject:
      case pduTypes.releaseRequest:
      case pduTypes.releaseResponse:
      case pduTypes.abort:
        return 4;
      default:
        throw new ProtocolViolation(1, 'a PDU has a type that PS3.8 does not define');
    }
  }

  /** The first chunk, joined with the next ones only where it alone is too short. */
  #front(count: number): Buffer {
    const first = this.#chunks[0] as Buffer;
    if (first.length >= count) return first;
    const joined = Buffer.concat(this.#chunks, this.#size);
    this.#chunks = [joined];
    return joined;
  }

  #drop(count: number): void {
    const rest = (this.#chunks[0] as Buffer).subarray(count);
    this.#size -= count;
    if (rest.length > 0) this.#chunks[0] = rest;
    else this.#chunks.shift();
  }
}
