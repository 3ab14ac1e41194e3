import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { clientOf, fail } from '#platform';
import { Deliveries } from './deliveries.js';
import { UnitOfWork } from './unit-of-work.js';

const states = ['waiting', 'parked', 'done', 'skipped'];

/** What is on its way to other systems: read it, try one again now, or skip one with a reason. */
@ApiTags('deliveries')
@Controller('deliveries')
export class DeliveriesController {
  constructor(
    @Inject(Deliveries) private readonly deliveries: Deliveries,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
  ) {}

  @ApiOperation({ summary: 'Deliveries in a state (waiting, parked, done, skipped), oldest first' })
  @Get()
  async list(@Query('state') state = 'waiting', @Query('destination') destination?: string) {
    if (!states.includes(state)) throw fail('field-invalid', `must be one of ${states.join(', ')}`, { field: 'state' });
    return { deliveries: await this.deliveries.list(state, destination) };
  }

  @ApiOperation({ summary: 'The attempts of one delivery: when, outcome, duration' })
  @Get(':id/attempts')
  async attempts(@Param('id') id: string) {
    return { attempts: await this.deliveries.attempts(uuid(id)) };
  }

  @ApiOperation({ summary: 'Try one delivery again now' })
  @Post(':id/retry')
  @HttpCode(200)
  async retry(@Param('id') id: string, @Req() request: object) {
    await this.deliveries.resolve(uuid(id), 'waiting', clientOf(request));
    this.unitOfWork.delivered.wake();
    return { retried: id };
  }

  @ApiOperation({ summary: 'Leave one delivery out for good; needs a reason. The ones behind it go on' })
  @Post(':id/skip')
  @HttpCode(200)
  async skip(@Param('id') id: string, @Body() body: { reason?: unknown } | undefined, @Req() request: object) {
    const reason = body?.reason;
    if (typeof reason !== 'string' || !reason.trim())
      throw fail('field-missing', 'say why the delivery is skipped', { field: 'reason' });
    await this.deliveries.resolve(uuid(id), 'skipped', clientOf(request), reason);
    this.unitOfWork.delivered.wake();
    return { skipped: id };
  }
}

function uuid(id: string): string {
  if (/^[0-9a-f-]{36}$/i.test(id)) return id;
  throw fail('field-invalid', 'must be the id of a delivery', { field: 'id' });
}
