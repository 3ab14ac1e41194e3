import type { Association, DicomCaller } from './association.js';
import { Dataset } from './dataset.js';
import { decodeDataset } from './dataset-decoder.js';
import { commands, type DimseMessage } from './dimse.js';
import { sopClasses } from './uids.js';
import { hasUnsupportedKeys, worklistItemMatches, worklistResponse } from './worklist-matching.js';

/** Where worklist items come from. It may give more than the query asks for, never less: each is matched in full. */
export interface WorklistProvider {
  find(query: Dataset, caller: DicomCaller): AsyncIterable<Dataset> | Promise<Iterable<Dataset>>;
}

/** C-FIND statuses (PS3.4 section K.4.1.1.4). */
const SUCCESS = 0x0000;
const PENDING = 0xff00;
const PENDING_SOME_KEYS_UNSUPPORTED = 0xff01;
const CANCELLED = 0xfe00;
const IDENTIFIER_DOES_NOT_MATCH = 0xa900;
const UNABLE_TO_PROCESS = 0xc001;

/** Longest identifier taken, in bytes; real ones have a few thousand, and every item is compared with it. */
const MAX_IDENTIFIER_BYTES = 32 * 1024;

/** Answers one C-FIND of Modality Worklist; stops between two matches where the peer cancels. @returns its status */
export async function answerWorklist(
  { contextId, command, data }: DimseMessage,
  association: Association,
  provider: WorklistProvider,
): Promise<number> {
  const messageId = command.number('MessageID') ?? 0;
  const { transferSyntax } = association.context(contextId);
  const respond = (status: number, dataset?: Dataset, comment?: string, characterSets?: string[]) =>
    association.send(
      contextId,
      {
        AffectedSOPClassUID: sopClasses.modalityWorklist,
        CommandField: commands.cFind | commands.response,
        MessageIDBeingRespondedTo: messageId,
        Status: status,
        ...(comment ? { ErrorComment: comment } : {}),
      },
      dataset,
      characterSets,
    );
  const end = async (status: number, comment?: string): Promise<number> => {
    await respond(status, undefined, comment);
    return status;
  };

  if (data && data.length > MAX_IDENTIFIER_BYTES) return end(IDENTIFIER_DOES_NOT_MATCH, 'the identifier is too long');
  let query: Dataset;
  try {
    query = decodeDataset(data ?? Buffer.alloc(0), transferSyntax, { depth: 4, elements: 500 });
  } catch {
    return end(IDENTIFIER_DOES_NOT_MATCH, 'the identifier cannot be read');
  }
  const characterSets = query.texts('SpecificCharacterSet');
  try {
    const pending = hasUnsupportedKeys(query) ? PENDING_SOME_KEYS_UNSUPPORTED : PENDING;
    let sinceYield = 0;
    let unwritable = 0;
    for await (const item of await provider.find(query, association.caller)) {
      if (association.isCancelled(messageId)) return await end(CANCELLED);
      if (!association.isOpen) return CANCELLED;
      if (worklistItemMatches(item, query))
        // One item that cannot be written must not keep the patients after it from the modality.
        await respond(pending, worklistResponse(item, query), undefined, characterSets).catch(() => unwritable++);
      // A long list must not keep other associations, or this one's cancel, from being read.
      if (++sinceYield % 25 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    if (unwritable > 0)
      return await end(UNABLE_TO_PROCESS, `${unwritable} item${unwritable > 1 ? 's' : ''} cannot be written`);
    return await end(SUCCESS);
  } catch {
    return end(UNABLE_TO_PROCESS, 'the worklist cannot be read now');
  }
}
