import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { clientOf, fail, LOGGER, type Logger } from '#platform';
import { MessageLog } from './message-log.js';

/** The log of HL7 messages: what came in, how it was answered and why. */
@ApiTags('hl7 messages')
@Controller('hl7-messages')
export class MessagesController {
  constructor(
    @Inject(MessageLog) private readonly messages: MessageLog,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @ApiOperation({ summary: 'Messages, newest first; filter by controlId and outcome (accepted, refused)' })
  @Get()
  async list(@Query('controlId') controlId?: string, @Query('outcome') outcome?: string) {
    return { messages: await this.messages.list({ controlId, outcome, limit: 200 }) };
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
