/** Upper layer protocol data units (PS3.8 §9.3). Everything here is big endian and pure. */

export const pduTypes = {
  associateRequest: 1,
  associateAccept: 2,
  associateReject: 3,
  data: 4,
  releaseRequest: 5,
  releaseResponse: 6,
  abort: 7,
} as const;

/** One proposed presentation context. */
export interface ProposedContext {
  id: number;
  abstractSyntax: string;
  transferSyntaxes: string[];
}

/** Result of one presentation context (PS3.8 table 9-18): 0 accepted, 3 abstract, 4 transfer syntaxes not supported. */
export interface ContextResult {
  id: number;
  result: number;
  transferSyntax: string;
}

export interface AssociateRequest {
  protocolVersion: number;
  calledAeTitle: string;
  callingAeTitle: string;
  applicationContext: string;
  contexts: ProposedContext[];
  /** Longest P-DATA-TF the sender takes, in bytes; 0 means no limit. */
  maxPduLength: number;
  /** Where the requestor is not simply the user of a SOP class. */
  roles?: RoleSelection[];
}

/** Which sides of a SOP class the requestor takes (PS3.7 section D.3.3.4). */
export interface RoleSelection {
  abstractSyntax: string;
  isUser: boolean;
  isProvider: boolean;
}

export interface AssociateAccept {
  calledAeTitle: string;
  callingAeTitle: string;
  contexts: ContextResult[];
  maxPduLength: number;
  /** The roles agreed to, of those the requestor proposed. */
  roles?: RoleSelection[];
}

/** Result, source and reason of PS3.8 table 9-21. */
export interface AssociateReject {
  result: number;
  source: number;
  reason: number;
}

/** One presentation data value: a fragment of a command (PS3.7) or data set. */
export interface DataValue {
  contextId: number;
  isCommand: boolean;
  isLast: boolean;
  data: Buffer;
}

/** A PDU that breaks PS3.8; the association is aborted with this reason (table 9-26). */
export class ProtocolViolation extends Error {
  constructor(
    readonly reason: 0 | 1 | 2 | 4 | 5 | 6,
    message: string,
  ) {
    super(message);
  }
}

export const applicationContextName = '1.2.840.10008.3.1.1.1';
const implementationClassUid = '2.25.214366834518733945027166412538271069153';
const implementationVersion = 'COLLIMATOR';
const maxContexts = 128;

export function encodeAssociateRequest(request: Omit<AssociateRequest, 'protocolVersion' | 'applicationContext'>) {
  return associatePdu(pduTypes.associateRequest, request, [
    ...request.contexts.map((context) =>
      item(0x20, [
        Buffer.from([context.id, 0, 0, 0]),
        item(0x30, [ascii(context.abstractSyntax)]),
        ...context.transferSyntaxes.map((syntax) => item(0x40, [ascii(syntax)])),
      ]),
    ),
    userInformation(request),
  ]);
}

export function encodeAssociateAccept(accept: AssociateAccept): Buffer {
  return associatePdu(pduTypes.associateAccept, accept, [
    ...accept.contexts.map((context) =>
      item(0x21, [Buffer.from([context.id, 0, context.result, 0]), item(0x40, [ascii(context.transferSyntax)])]),
    ),
    userInformation(accept),
  ]);
}

export function encodeAssociateReject({ result, source, reason }: AssociateReject): Buffer {
  return pdu(pduTypes.associateReject, [Buffer.from([0, result, source, reason])]);
}

export function encodeReleaseRequest(): Buffer {
  return pdu(pduTypes.releaseRequest, [Buffer.alloc(4)]);
}

export function encodeReleaseResponse(): Buffer {
  return pdu(pduTypes.releaseResponse, [Buffer.alloc(4)]);
}

/** Source 0 is the user (the application), 2 the provider (the protocol machine). */
export function encodeAbort(source: 0 | 2, reason: number): Buffer {
  return pdu(pduTypes.abort, [Buffer.from([0, 0, source, reason])]);
}

/** One P-DATA-TF with the given values. */
export function encodeData(values: readonly DataValue[]): Buffer {
  const parts: Buffer[] = [];
  for (const value of values) {
    const head = Buffer.allocUnsafe(6);
    head.writeUInt32BE(value.data.length + 2, 0);
    head[4] = value.contextId;
    head[5] = (value.isCommand ? 1 : 0) | (value.isLast ? 2 : 0);
    parts.push(head, value.data);
  }
  return pdu(pduTypes.data, parts);
}

/** @throws ProtocolViolation where lengths do not add up. */
export function decodeAssociateRequest(body: Buffer): AssociateRequest {
  const contexts: ProposedContext[] = [];
  let applicationContext = '';
  let maxPduLength = 0;
  let roles: RoleSelection[] = [];
  for (const { type, content } of itemsOf(body, 68)) {
    if (type === 0x10) applicationContext = uid(content);
    if (type === 0x20) contexts.push(proposedContext(content));
    if (type === 0x50) {
      maxPduLength = maxLengthOf(content);
      roles = rolesOf(content);
    }
    if (contexts.length > maxContexts) throw new ProtocolViolation(6, 'more than 128 presentation contexts');
  }
  return {
    protocolVersion: body.readUInt16BE(0),
    calledAeTitle: body.toString('latin1', 4, 20).trim(),
    callingAeTitle: body.toString('latin1', 20, 36).trim(),
    applicationContext,
    contexts,
    maxPduLength,
    roles,
  };
}

/** @throws ProtocolViolation where lengths do not add up. */
export function decodeAssociateAccept(body: Buffer): AssociateAccept {
  const contexts: ContextResult[] = [];
  let maxPduLength = 0;
  let roles: RoleSelection[] = [];
  for (const { type, content } of itemsOf(body, 68)) {
    if (type === 0x21 && content.length >= 4) {
      const syntax = itemsOf(content, 4).find((sub) => sub.type === 0x40);
      contexts.push({
        id: content[0] as number,
        result: content[2] as number,
        transferSyntax: syntax ? uid(syntax.content) : '',
      });
    }
    if (type === 0x50) {
      maxPduLength = maxLengthOf(content);
      roles = rolesOf(content);
    }
  }
  return {
    calledAeTitle: body.toString('latin1', 4, 20).trim(),
    callingAeTitle: body.toString('latin1', 20, 36).trim(),
    contexts,
    maxPduLength,
    roles,
  };
}

/** @throws ProtocolViolation where a value is longer than its PDU. */
export function decodeData(body: Buffer): DataValue[] {
  const values: DataValue[] = [];
  let at = 0;
  while (at < body.length) {
    if (body.length - at < 6) throw new ProtocolViolation(6, 'a presentation data value has no head');
    const length = body.readUInt32BE(at);
    if (length < 2 || length > body.length - at - 4)
      throw new ProtocolViolation(6, 'a presentation data value does not fit its PDU');
    const control = body[at + 5] as number;
    values.push({
      contextId: body[at + 4] as number,
      isCommand: (control & 1) === 1,
      isLast: (control & 2) === 2,
      data: body.subarray(at + 6, at + 4 + length),
    });
    at += 4 + length;
  }
  return values;
}

function proposedContext(content: Buffer): ProposedContext {
  if (content.length < 4) throw new ProtocolViolation(6, 'a presentation context is cut short');
  const items = itemsOf(content, 4);
  const abstract = items.find(({ type }) => type === 0x30);
  return {
    id: content[0] as number,
    abstractSyntax: abstract ? uid(abstract.content) : '',
    transferSyntaxes: items.filter(({ type }) => type === 0x40).map((sub) => uid(sub.content)),
  };
}

function maxLengthOf(userInformation: Buffer): number {
  const item = itemsOf(userInformation, 0).find(({ type }) => type === 0x51);
  if (item && item.content.length < 4) throw new ProtocolViolation(6, 'the maximum length item is cut short');
  return item ? item.content.readUInt32BE(0) : 0;
}

function rolesOf(userInformation: Buffer): RoleSelection[] {
  return itemsOf(userInformation, 0)
    .filter(({ type }) => type === 0x54)
    .map(({ content }) => {
      const length = content.length < 4 ? content.length : content.readUInt16BE(0);
      if (content.length < length + 4) throw new ProtocolViolation(6, 'a role selection item is cut short');
      const [user, provider] = [content[length + 2], content[length + 3]];
      return { abstractSyntax: uid(content.subarray(2, length + 2)), isUser: user === 1, isProvider: provider === 1 };
    });
}

function itemsOf(buffer: Buffer, from: number): { type: number; content: Buffer }[] {
  if (buffer.length < from) throw new ProtocolViolation(6, 'a PDU is shorter than its fixed part');
  const items: { type: number; content: Buffer }[] = [];
  let at = from;
  while (at < buffer.length) {
    if (buffer.length - at < 4) throw new ProtocolViolation(6, 'an item has no head');
    const length = buffer.readUInt16BE(at + 2);
    if (length > buffer.length - at - 4) throw new ProtocolViolation(6, 'an item does not fit its PDU');
    items.push({ type: buffer[at] as number, content: buffer.subarray(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return items;
}

function associatePdu(type: number, titles: { calledAeTitle: string; callingAeTitle: string }, items: Buffer[]) {
  const head = Buffer.alloc(68);
  head.writeUInt16BE(1, 0);
  head.write(titles.calledAeTitle.padEnd(16).slice(0, 16), 4, 'latin1');
  head.write(titles.callingAeTitle.padEnd(16).slice(0, 16), 20, 'latin1');
  return pdu(type, [head, item(0x10, [ascii(applicationContextName)]), ...items]);
}

function userInformation({ maxPduLength, roles = [] }: { maxPduLength: number; roles?: RoleSelection[] }): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(maxPduLength);
  return item(0x50, [
    item(0x51, [length]),
    item(0x52, [ascii(implementationClassUid)]),
    ...roles.map(roleItem),
    item(0x55, [ascii(implementationVersion)]),
  ]);
}

function roleItem({ abstractSyntax, isUser, isProvider }: RoleSelection): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(abstractSyntax.length);
  return item(0x54, [length, ascii(abstractSyntax), Buffer.from([isUser ? 1 : 0, isProvider ? 1 : 0])]);
}

function item(type: number, parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUInt16BE(content.length, 2);
  return Buffer.concat([head, content]);
}

function pdu(type: number, parts: Buffer[]): Buffer {
  const head = Buffer.alloc(6);
  head[0] = type;
  const whole = Buffer.concat([head, ...parts]);
  whole.writeUInt32BE(whole.length - 6, 2);
  return whole;
}

function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function uid(content: Buffer): string {
  return content.toString('latin1', 0, content.length).replace(/[\0 ]+$/, '');
}
