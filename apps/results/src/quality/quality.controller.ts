import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { fail, hasScope, SITE, timesIn, type Site } from '#platform';
import { QualityRateStore, rateDimensions, type QualityRates, type RateDimension } from './quality-rates.js';
import { WatchQuality } from './watch-quality.worker.js';

/** How many images are rejected and repeated, and where that is too many. No patient is in it. */
@ApiTags('quality')
@Controller('quality')
export class QualityController {
  constructor(
    @Inject(QualityRateStore) private readonly rates: QualityRateStore,
    @Inject(WatchQuality) private readonly watch: WatchQuality,
    @Inject(SITE) private readonly site: Site,
  ) {}

  @ApiOperation({
    summary: `Reject and repeat rates per thousand images with their 95 % interval: ?from=&to=&by=${rateDimensions.join(' | ')}`,
    description:
      'By operator only for a client with the scope quality-by-operator. from and to are days in the site’s zone, both included, or times.',
  })
  @Get('rates')
  async ofTime(
    @Query('from') from: unknown,
    @Query('to') to: unknown,
    @Query('by') by: unknown,
    @Req() request: object,
  ): Promise<QualityRates & { from: Date; to: Date; by: RateDimension }> {
    const dimension = rateDimensions.find((one) => one === by);
    if (!dimension) throw fail('field-invalid', `by must be one of ${rateDimensions.join(', ')}`, { field: 'by' });
    if (dimension === 'operator' && !hasScope(request, 'quality-by-operator'))
      throw fail('forbidden', 'rates by operator need the scope quality-by-operator', { field: 'by' });
    const times = timesIn(from, to, this.site.timeZone);
    return { ...times, by: dimension, ...(await this.rates.rates(times.from, times.to, dimension)) };
  }

  @ApiOperation({ summary: 'Rates that are above what the site accepts: ?state=open | resolved' })
  @Get('alarms')
  async alarms(@Query('state') state = 'open'): Promise<{ alarms: object[] }> {
    if (state !== 'open' && state !== 'resolved')
      throw fail('field-invalid', 'must be open or resolved', { field: 'state' });
    return { alarms: await this.watch.list(state) };
  }
}
