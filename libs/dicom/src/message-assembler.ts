import type { Dataset } from './dataset.js';
import { announcesDataset, decodeCommand, type DimseMessage } from './dimse.js';
import { ProtocolViolation, type DataValue } from './pdu.js';

/** Longest command set taken; real ones are a few hundred bytes. */
const MAX_COMMAND_BYTES = 16 * 1024;
/** Most fragments of one command or data set: each costs memory, even one that holds nothing. */
const MAX_FRAGMENTS = 16 * 1024;

/** Joins the fragments of one association into messages (PS3.8 annex E). */
export class MessageAssembler {
  private fragments: Buffer[] = [];
  private size = 0;
  private command?: { contextId: number; dataset: Dataset };

  constructor(private readonly maxDatasetBytes: number) {}

  /**
   * @returns the message that is whole with this fragment
   * @throws ProtocolViolation for fragments that do not fit together, or too many bytes
   */
  push(value: DataValue): DimseMessage | undefined {
    if (value.isCommand === (this.command !== undefined))
      throw new ProtocolViolation(2, 'a fragment came out of its order');
    if (this.command && this.command.contextId !== value.contextId)
      throw new ProtocolViolation(2, 'a data set came in another presentation context than its command');
    this.size += value.data.length;
    if (this.size > (value.isCommand ? MAX_COMMAND_BYTES : this.maxDatasetBytes))
      throw new ProtocolViolation(6, 'a message is larger than allowed');
    if (this.fragments.push(value.data) > MAX_FRAGMENTS)
      throw new ProtocolViolation(6, 'a message comes in more fragments than allowed');
    if (!value.isLast) return undefined;
    const bytes = Buffer.concat(this.fragments);
    this.fragments = [];
    this.size = 0;
    if (!value.isCommand) return this.finish(bytes);
    this.command = { contextId: value.contextId, dataset: readCommand(bytes) };
    return announcesDataset(this.command.dataset) ? undefined : this.finish();
  }

  private finish(data?: Buffer): DimseMessage {
    const { contextId, dataset } = this.command!;
    this.command = undefined;
    return { contextId, command: dataset, data };
  }
}

function readCommand(bytes: Buffer): Dataset {
  try {
    return decodeCommand(bytes);
  } catch {
    throw new ProtocolViolation(6, 'a command set cannot be read');
  }
}
