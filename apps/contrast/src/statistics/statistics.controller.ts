import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { DateTime } from 'luxon';
import { fail, SITE, type Site } from '#platform';
import { ContrastFacts } from './contrast-facts.store.js';
import { contrastStatistics, type ContrastStatistics } from './contrast-statistics.js';

/** Longest time that is counted at once, in days. */
const MOST_DAYS = 366;

/** How often contrast was reacted to, how much was given, and how much was thrown away. */
@ApiTags('statistics')
@Controller('statistics')
export class StatisticsController {
  constructor(
    @Inject(ContrastFacts) private readonly facts: ContrastFacts,
    @Inject(SITE) private readonly site: Site,
  ) {}

  @ApiOperation({
    summary: 'Reaction rates by agent and lot with their 95 % intervals, doses by exam, waste; no patient is in it',
  })
  @ApiQuery({ name: 'from', required: true, description: 'first day, YYYY-MM-DD, in the time zone of the site' })
  @ApiQuery({ name: 'until', required: true, description: 'the day after the last one; at most 366 days later' })
  @Get('contrast')
  async contrast(
    @Query('from') from: unknown,
    @Query('until') until: unknown,
  ): Promise<{ from: string; until: string } & ContrastStatistics> {
    const [start, end] = [dayIn(from, 'from', this.site), dayIn(until, 'until', this.site)];
    const days = end.diff(start, 'days').days;
    if (days <= 0) throw fail('field-invalid', 'must be later than from', { field: 'until' });
    if (days > MOST_DAYS + 0.1)
      throw fail('field-invalid', `must be at most ${MOST_DAYS} days after from`, { field: 'until' });
    const [first, behind] = [start.toJSDate(), end.toJSDate()];
    const given = await this.facts.given(first, behind);
    const reacted = await this.facts.reacted(first, behind, given);
    const wasted = await this.facts.wasted(first, behind);
    return { from: start.toISODate()!, until: end.toISODate()!, ...contrastStatistics(given, reacted, wasted) };
  }
}

function dayIn(value: unknown, field: string, { timeZone }: Site): DateTime {
  if (value === undefined) throw fail('field-missing', `${field} is required`, { field });
  const day =
    typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value)
      ? DateTime.fromISO(value, { zone: timeZone })
      : undefined;
  if (!day?.isValid) throw fail('field-invalid', 'must be a day, YYYY-MM-DD', { field });
  return day;
}
