import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { patientIdOf, recordAccess, type Access } from '#fhir';
import { UnitOfWork } from '#messaging';
import { clientOf, CLOCK, fail, INFRASTRUCTURE, type Clock, type Infrastructure } from '#platform';
import { hl7Delivery } from './hl7-destinations.js';
import { Hl7Intake } from './hl7-intake.js';
import { MessageLog, type KeptMessage } from './message-log.js';

const outcome = z.enum(['accepted', 'refused']);
const text = z.string().trim().min(1).max(200);
/** What may be searched by; in a body, since numbers of patients have no place in a URL. */
const search = z.strictObject({
  direction: z.enum(['in', 'out']).optional(),
  controlId: text.optional(),
  outcome: outcome.optional(),
  messageType: text.optional(),
  number: text.optional(),
  patient: z.strictObject({ system: text, value: text }).optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
  limit: z.int().min(1).max(1000).default(200),
});

/** The log of HL7 messages, in and out: what was said, how it was answered and why, and what it brought about. */
@ApiTags('hl7 messages')
@Controller('hl7-messages')
export class MessagesController {
  constructor(
    @Inject(MessageLog) private readonly messages: MessageLog,
    @Inject(Hl7Intake) private readonly intake: Hl7Intake,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @ApiOperation({ summary: 'Messages, newest first; filter by controlId and outcome (accepted, refused)' })
  @Get()
  async list(@Query() query: Record<string, unknown>) {
    const asked = read(z.object({ controlId: text.optional(), outcome: outcome.optional() }), query);
    return { messages: await this.messages.list({ ...asked, limit: 200 }) };
  }

  @ApiOperation({
    summary:
      'Messages by direction, controlId, outcome, messageType, number (accession, order, patient, visit), patient { system, value }, since, until',
  })
  @Post('search')
  @HttpCode(200)
  async search(@Body() body: unknown, @Req() request: object) {
    const { patient, since, until, ...asked } = read(search, body ?? {});
    const patientId = patient && patientIdOf(patient);
    const date = (iso: string | undefined) => (iso === undefined ? undefined : new Date(iso));
    const messages = await this.messages.list({ ...asked, patientId, since: date(since), until: date(until) });
    const patientIds = messages.flatMap((one) => (one as { patientId: string | null }).patientId ?? []);
    await this.audit(request, { interaction: 'search-type', references: [], patientIds, query: JSON.stringify(body) });
    return { messages };
  }

  @ApiOperation({ summary: 'One message byte for byte; the look is audited' })
  @Get(':id')
  async show(@Param('id') id: string, @Req() request: object, @Res() response: Response) {
    const { raw, patientId } = await this.kept(id);
    await this.audit(request, { interaction: 'read', ...about(id, patientId) });
    response.type('text/plain').send(raw);
  }

  @ApiOperation({ summary: 'Take a refused message again, such as after the site file was mended; gives its answer' })
  @Post(':id/reprocess')
  @HttpCode(200)
  async reprocess(@Param('id') id: string, @Req() request: object) {
    const kept = await this.kept(id);
    if (kept.direction === 'out') throw fail('state-conflict', 'this message was sent by us: resend it');
    if (kept.outcome === 'accepted') throw fail('state-conflict', 'this message was accepted: it is done');
    await this.audit(request, { interaction: 'update', ...about(id, kept.patientId) });
    return { acknowledgement: (await this.intake.answer(kept.raw)).toString('utf8') };
  }

  @ApiOperation({
    summary: 'Send a message of ours once more, with its own control id, behind all else for its patient',
  })
  @Post(':id/resend')
  @HttpCode(202)
  async resend(@Param('id') id: string, @Req() request: object) {
    const { raw, direction, destination, patientId } = await this.kept(id);
    if (direction === 'in' || !destination || !patientId)
      throw fail('state-conflict', 'this message came in: reprocess it, or have its sender send it again');
    await this.unitOfWork.run(patientId, async (transaction) => {
      const idempotencyKey = `resend/${id}/${transaction.now.toISOString()}`;
      transaction.deliver(hl7Delivery(raw, { destination, key: transaction.merged?.to ?? patientId, idempotencyKey }));
      const access = { interaction: 'update' as const, ...about(id, patientId), ...this.client(request) };
      await recordAccess(transaction.manager, access, transaction.now);
    });
    return { resent: id };
  }

  private async kept(id: string): Promise<KeptMessage> {
    const kept = /^[0-9a-f-]{36}$/i.test(id) ? await this.messages.find(id) : undefined;
    if (kept) return kept;
    throw fail('not-found', 'no message has this id');
  }

  private audit(request: object, access: Omit<Access, 'client' | 'service'>): Promise<void> {
    return recordAccess(this.dataSource.manager, { ...access, ...this.client(request) }, this.clock.now());
  }

  private client(request: object): Pick<Access, 'client' | 'service'> {
    return { client: clientOf(request), service: this.infrastructure.service };
  }
}

function about(id: string, patientId: string | null): Pick<Access, 'references' | 'patientIds'> {
  return { references: [`urn:uuid:${id}`], patientIds: patientId ? [patientId] : [] };
}

/** @throws Failure field-invalid naming the key at fault */
function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path.join('.');
  throw fail(
    'field-invalid',
    issue?.code === 'unrecognized_keys' ? 'is no key of a search here' : (issue?.message ?? 'cannot be read'),
    { field: field || 'body' },
  );
}
