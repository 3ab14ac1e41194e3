import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { clientOf, fail } from '#platform';
import { EventProcessor } from './event-processor.js';
import { ParkedEvents } from './parked-events.js';

/** Events that wait for a person: read them, replay a patient's, or skip one with a reason. */
@ApiTags('parked events')
@Controller('parked')
export class ParkedEventsController {
  constructor(
    @Inject(ParkedEvents) private readonly parked: ParkedEvents,
    @Inject(EventProcessor) private readonly processor: EventProcessor,
  ) {}

  @ApiOperation({ summary: 'Open events, oldest first; `key` is the internal patient id' })
  @Get()
  async list(@Query('key') key?: string) {
    return { parked: await this.parked.list(key) };
  }

  @ApiOperation({ summary: 'One event with its headers and content; the look is recorded with the client' })
  @Get(':id')
  async show(@Param('id') id: string) {
    const { value, ...event } = await this.parked.show(number(id));
    return { ...event, value: value?.toString('utf8') ?? null };
  }

  @ApiOperation({ summary: "Handle a patient's open events in order, up to the first that fails again" })
  @Post(':key/replay')
  @HttpCode(200)
  async replay(@Param('key') key: string, @Req() request: object) {
    const { replayed, failure } = await this.processor.replay(key, clientOf(request));
    return { replayed, ...(failure ? { stoppedBy: { code: failure.code, reason: failure.message } } : {}) };
  }

  @ApiOperation({ summary: 'Leave one event out for good; needs a reason. The ones behind it wait for a replay' })
  @Post(':id/skip')
  @HttpCode(200)
  async skip(@Param('id') id: string, @Body() body: { reason?: unknown } | undefined, @Req() request: object) {
    const reason = body?.reason;
    if (typeof reason !== 'string' || !reason.trim())
      throw fail('field-missing', 'say why the event is skipped', { field: 'reason' });
    const key = await this.parked.skip(number(id), clientOf(request), reason);
    return { skipped: id, key };
  }
}

function number(id: string): string {
  if (/^\d{1,18}$/.test(id)) return id;
  throw fail('field-invalid', 'must be the number of a parked event', { field: 'id' });
}
