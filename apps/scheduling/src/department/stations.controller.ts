import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { DataSource } from 'typeorm';
import {
  CLOCK,
  clientOf,
  csvTextOf,
  fail,
  HoldsNoPatient,
  SITE,
  stationByAeTitle,
  type Clock,
  type Site,
} from '#platform';
import { DepartmentDesk } from './department-desk.js';
import { RecordSetup } from '../exam/record-setup.js';
import type { RoomNow } from './room-occupancy.decider.js';
import { StationClosures } from './station-closures.store.js';
import { readinessOf, type Readiness } from './station-readiness.decider.js';

/** What technologists and QA tools ask and tell of the stations beside FHIR. */
@ApiTags('stations')
@Controller()
export class StationsController {
  constructor(
    @Inject(DepartmentDesk) private readonly desk: DepartmentDesk,
    @Inject(RecordSetup) private readonly setup: RecordSetup,
    @Inject(StationClosures) private readonly closures: StationClosures,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @ApiOperation({ summary: 'Whether an exam may begin at a station, and why not: room, cleaning, QC, roster, set-up' })
  @HoldsNoPatient('the state of a room and its equipment')
  @Get('stations/:aeTitle/readiness')
  async readiness(@Param('aeTitle') aeTitle: string): Promise<Readiness> {
    const station = stationByAeTitle(this.site, aeTitle);
    if (!station) throw fail('not-found', 'there is no station with this AE title in the site file');
    const now = this.clock.now();
    const { manager } = this.dataSource;
    const state = await this.closures.state(manager, [station], now, true);
    const rooms = await this.closures.rooms(manager, now);
    return readinessOf(station, state, rooms, this.site, now);
  }

  @ApiOperation({
    summary: 'Each room with its state of HL7 table 0116 now: O while an exam goes on, else as it was told',
  })
  @HoldsNoPatient('the state of each room')
  @Get('rooms')
  async rooms(): Promise<{ rooms: RoomNow[] }> {
    return { rooms: await this.closures.rooms(this.dataSource.manager, this.clock.now()) };
  }

  @ApiOperation({
    summary:
      'Results of QA tools as CSV: station, test, date, and result or value (unit, low, high); each bad line is told',
  })
  @ApiConsumes('text/csv')
  @Post('quality-control/import')
  @HttpCode(200)
  async import(@Req() request: Request): Promise<{ taken: number; known: number; refused: object[] }> {
    const { results, refused, known } = await this.desk.importQuality(await csvTextOf(request), {
      client: clientOf(request),
    });
    return {
      taken: results.length - known,
      known,
      refused: refused.map(({ line, failure: { code, message, field } }) => ({ line, code, field, reason: message })),
    };
  }

  @ApiOperation({ summary: 'What an exam used of its set-up list: { used: [{ code, system?, display? }] }' })
  @Post('exams/:mppsUid/setup')
  @HttpCode(200)
  recordSetup(@Param('mppsUid') mppsUid: string, @Body() body: unknown, @Req() request: object): Promise<object> {
    // DICOM PS3.5 section 9.1; anything else is no exam's.
    if (!/^[\d.]{1,64}$/.test(mppsUid)) throw fail('not-found', 'there is no exam with this MPPS SOP Instance UID');
    return this.setup.record(mppsUid, body, clientOf(request));
  }
}
