import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { DataSource } from 'typeorm';
import { indexOf, recordAccess } from '#fhir';
import { Hl7Refusal } from '#hl7v2';
import type { ExplainedField } from '#mapping';
import { clientOf, CLOCK, fail, INFRASTRUCTURE, LOGGER, type Clock, type Infrastructure, type Logger } from '#platform';
import { Hl7Intake, type Tried } from './hl7-intake.js';
import { MessageLog } from './message-log.js';

/** The log of HL7 messages: what came in, how it was answered and why. */
@ApiTags('hl7 messages')
@Controller('hl7-messages')
export class MessagesController {
  constructor(
    @Inject(MessageLog) private readonly messages: MessageLog,
    @Inject(Hl7Intake) private readonly intake: Hl7Intake,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @ApiOperation({ summary: 'Messages, newest first; filter by controlId and outcome (accepted, refused)' })
  @Get()
  async list(@Query('controlId') controlId?: string, @Query('outcome') outcome?: string) {
    return { messages: await this.messages.list({ controlId, outcome, limit: 200 }) };
  }

  @ApiOperation({ summary: 'What a message would become (acknowledgement, FHIR, events); nothing of it is stored' })
  @ApiConsumes('text/plain')
  @Post('try')
  @HttpCode(200)
  async try(@Body() body: unknown, @Req() request: object): Promise<Tried> {
    const tried = await this.intake.try(messageIn(body));
    // What is known of a patient shows in what a message would make of it.
    const references = tried.resources.map((one) => `${one.resourceType}/${one.id}`);
    const patientIds = [...new Set(tried.resources.flatMap((one) => indexOf(one).patient_id ?? []))];
    const access = { interaction: 'read' as const, client: clientOf(request), service: this.infrastructure.service, references, patientIds }; // prettier-ignore
    if (references.length > 0) await recordAccess(this.dataSource.manager, access, this.clock.now());
    return tried;
  }

  @ApiOperation({
    summary: 'Which field of a message makes which FHIR element, and by which row of the v2-to-FHIR guide',
  })
  @ApiConsumes('text/plain')
  @Post('explain')
  @HttpCode(200)
  explain(@Body() body: unknown): { fields: ExplainedField[] } {
    try {
      return { fields: this.intake.explain(messageIn(body)) };
    } catch (error) {
      if (!(error instanceof Hl7Refusal)) throw error;
      throw fail('field-invalid', `the message would be refused: ${error.message}`, { field: error.place ?? 'body' });
    }
  }

  @ApiOperation({ summary: 'One message byte for byte; the look is logged with the client' })
  @Get(':id')
  async show(@Param('id') id: string, @Req() request: object, @Res() response: Response) {
    const raw = /^[0-9a-f-]{36}$/i.test(id) ? await this.messages.raw(id) : undefined;
    if (!raw) throw fail('not-found', 'no message has this id');
    this.logger.info({ message: id, client: clientOf(request) }, 'hl7 message read');
    response.type('text/plain').send(raw);
  }
}

function messageIn(body: unknown): Buffer {
  if (Buffer.isBuffer(body) && body.length > 0) return body;
  throw fail('field-missing', 'send the HL7 message as text/plain', { field: 'body' });
}
