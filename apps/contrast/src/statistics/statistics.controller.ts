import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { SITE, timesIn, type Site } from '#platform';
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
  @ApiQuery({ name: 'to', required: true, description: 'last day, itself included; a year at most' })
  @Get('contrast')
  async contrast(@Query('from') from: unknown, @Query('to') to: unknown): Promise<ContrastStatistics> {
    const times = timesIn(from, to, this.site.timeZone, MOST_DAYS);
    const given = await this.facts.given(times.from, times.to);
    const reacted = await this.facts.reacted(times.from, times.to, given);
    const wasted = await this.facts.wasted(times.from, times.to);
    return contrastStatistics(given, reacted, wasted);
  }
}
