import { Body, Controller, Get, Header, HttpCode, Inject, Param, Post, Query, Req, UseGuards } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { z } from 'zod';
import { clientOf, csvTextOf, fail, type DosimetryService } from '#platform';
import { readStated, text } from '../quality/stated.js';
import type { AlertState } from './staff-dose-alert.decider.js';
import { StaffDoseDesk, type TakenFile } from './staff-dose-desk.js';
import { StaffDoseScope } from './staff-dose-scope.js';
import type { StaffDoseStatistic } from './staff-dose-statistics.decider.js';
import { shownAlert, StaffDoseViews, type DaysAsked, type ShownAlert, type ShownPerson } from './staff-dose-views.js';

const acknowledgement = z.strictObject({ name: text, note: text.optional() });
const states: readonly AlertState[] = ['open', 'acknowledged', 'resolved'];

/** Who answers for the limits, said with everything that is compared with them. */
interface ByWhom {
  /** Who answers for the limits and for how doses are told; null where nobody does. */
  limitsSignedBy: string | null;
}

/** What a radiation safety officer does with the doses of the staff. All of it needs the scope staff-dose. */
@ApiTags('staff-dose')
@UseGuards(StaffDoseScope)
@Controller('staff-dose')
export class StaffDoseController {
  constructor(
    @Inject(StaffDoseDesk) private readonly desk: StaffDoseDesk,
    @Inject(StaffDoseViews) private readonly views: StaffDoseViews,
  ) {}

  @ApiOperation({
    summary:
      'A file of a dosimetry service (CSV), by the columns of the site file: person, badge, location, start, end, doses',
    description:
      'Lines that can be read are taken, each other is told by its number and column. The same file again changes nothing; ' +
      'another value of a reading is a correction. Needs the scope staff-dose, as all of /staff-dose.',
  })
  @ApiConsumes('text/csv')
  @ApiQuery({
    name: 'service',
    required: false,
    description: 'Its name in the site file; needed where there are several',
  })
  @Post('readings')
  @HttpCode(200)
  async take(@Query('service') name: string | undefined, @Req() request: Request): Promise<TakenFile> {
    const service = this.serviceOf(name);
    return this.desk.takeFile(await csvTextOf(request), service, clientOf(request));
  }

  @ApiOperation({
    summary: 'Everybody who has or had a dosimeter against the limits, nearest to one first: ?aboveShare=0.5',
    description:
      'Of each limit and level the newest time, and every other that is above; in millisieverts. lower counts readings below ' +
      'what is reported as nothing, upper as the most they can be.',
  })
  @ApiQuery({ name: 'aboveShare', required: false, description: 'Only from this share of a limit on; 1 is all of it' })
  @Get('persons')
  async persons(
    @Query('aboveShare') share = '0',
    @Req() request: object,
  ): Promise<ByWhom & { persons: ShownPerson[] }> {
    if (!/^\d{1,3}(\.\d{1,6})?$/.test(share))
      throw fail('field-invalid', 'must be a share, such as 0.5', { field: 'aboveShare' });
    const persons = await this.views.persons(clientOf(request), `aboveShare=${share}`, Number(share));
    return { ...this.byWhom(), persons };
  }

  @ApiOperation({ summary: 'One person against every limit, in every time of which there are readings' })
  @Get('persons/:id')
  async person(@Param('id') id: string, @Req() request: object): Promise<ByWhom & ShownPerson> {
    return { ...this.byWhom(), ...(await this.views.person(id, clientOf(request))) };
  }

  @ApiOperation({
    summary: 'The dose record of a person as CSV, a line a dosimeter and wearing period: ?from=&to=, days of its end',
    description: 'In mSv; < and the least that is reported where it was less, NR where it was not read.',
  })
  @ApiProduces('text/csv')
  @Header('Content-Type', 'text/csv; charset=utf-8')
  @Header('Content-Disposition', 'attachment; filename="dose-record.csv"')
  @Get('persons/:id/record')
  async record(
    @Param('id') id: string,
    @Query('from') from: unknown,
    @Query('to') to: unknown,
    @Req() request: object,
  ): Promise<string> {
    return this.views.record(id, daysOf(from, to), clientOf(request));
  }

  @ApiOperation({
    summary:
      'Doses of all by place and quantity, without anything of whom: ?from=&to=, days of the end of wearing periods',
    description: 'Persons, readings, collective dose, median, highest, and how many are in which band of mSv.',
  })
  @Get('statistics')
  async statistics(
    @Query('from') from: unknown,
    @Query('to') to: unknown,
    @Req() request: object,
  ): Promise<{ statistics: StaffDoseStatistic[] }> {
    return { statistics: await this.views.statistics(daysOf(from, to), clientOf(request)) };
  }

  @ApiOperation({ summary: 'Doses above a limit or investigation level: ?state=open | acknowledged | resolved' })
  @Get('alerts')
  async alerts(
    @Query('state') asked: unknown = 'open',
    @Req() request: object,
  ): Promise<ByWhom & { alerts: ShownAlert[] }> {
    const state = states.find((one) => one === asked);
    if (!state) throw fail('field-invalid', `must be one of ${states.join(', ')}`, { field: 'state' });
    return { ...this.byWhom(), alerts: await this.views.alerts(state, clientOf(request)) };
  }

  @ApiOperation({ summary: 'Somebody looks after it, by their name: { name, note? }' })
  @Post('alerts/:id/acknowledge')
  @HttpCode(200)
  async acknowledge(@Param('id') id: string, @Body() body: unknown, @Req() request: object): Promise<ShownAlert> {
    const { name, note } = readStated(acknowledgement, body, 'an acknowledgement', () => []);
    return shownAlert(await this.desk.acknowledge(id, { name, ...(note ? { note } : {}) }, clientOf(request)));
  }

  private byWhom(): ByWhom {
    return { limitsSignedBy: this.desk.settings().signedBy ?? null };
  }

  private serviceOf(name: string | undefined): DosimetryService {
    const { services } = this.desk.settings();
    const service =
      name === undefined && services.length === 1 ? services[0] : services.find((one) => one.name === name);
    if (service) return service;
    throw fail('value-unknown', 'must be the name of one of staffDose.services in the site file', { field: 'service' });
  }
}

/** @throws Failure field-invalid */
function daysOf(from: unknown, to: unknown): DaysAsked {
  for (const [field, day] of Object.entries({ from, to }))
    if (typeof day !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(day) || Number.isNaN(Date.parse(day)))
      throw fail('field-invalid', 'must be a day, such as 2026-03-02', { field });
  if (String(to) < String(from)) throw fail('field-invalid', 'must not be before from', { field: 'to' });
  return { from: String(from), to: String(to) };
}
