import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { clientOf, fail, LOGGER, type Logger } from '#platform';
import { PerformedProcedureSteps } from './performed-procedure-steps.store.js';
import { Worklist } from './worklist.store.js';

/** What people and programs ask of the schedule beside FHIR and DICOM. */
@ApiTags('schedule')
@Controller()
export class SchedulingController {
  constructor(
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(PerformedProcedureSteps) private readonly steps: PerformedProcedureSteps,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @ApiOperation({ summary: 'The worklist of a station, or of all, on a day (YYYY-MM-DD); attributes by DICOM keyword' })
  @Get('worklist')
  async list(
    @Query('aeTitle') aeTitle: string | undefined,
    @Query('date') date: string | undefined,
    @Req() request: object,
  ) {
    if (date !== undefined && !/^\d{4}-\d\d-\d\d$/.test(date))
      throw fail('field-invalid', 'must be a date as YYYY-MM-DD', { field: 'date' });
    const day = date?.replaceAll('-', '');
    const items = await this.worklist.find({ stationAeTitle: aeTitle, fromDate: day, toDate: day });
    this.logger.info({ client: clientOf(request), items: items.length }, 'worklist read');
    return { items };
  }

  @ApiOperation({ summary: 'Exams that no order accounts for, newest first' })
  @Get('unscheduled')
  async unscheduled() {
    return { exams: await this.steps.unscheduled() };
  }
}
