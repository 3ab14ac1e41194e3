import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { DataSource } from 'typeorm';
import { recordAccess } from '#fhir';
import { CLOCK, clientOf, fail, type Clock } from '#platform';
import { PerformedProcedureSteps } from './performed-procedure-steps.store.js';
import { Worklist } from './worklist.store.js';

/** What people and programs ask of the schedule beside FHIR and DICOM. */
@ApiTags('schedule')
@Controller()
export class SchedulingController {
  constructor(
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(PerformedProcedureSteps) private readonly steps: PerformedProcedureSteps,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Who saw whom is recorded in the transaction of the access. */
  @ApiOperation({ summary: 'Steps that have not begun, STAT first, then by time; attributes by DICOM keyword' })
  @ApiQuery({ name: 'aeTitle', required: false, description: 'of one station; all without it' })
  @ApiQuery({ name: 'date', required: false, description: "YYYY-MM-DD in the site's zone; every day without it" })
  @Get('worklist')
  async list(
    @Query('aeTitle') aeTitle: unknown,
    @Query('date') date: unknown,
    @Req() request: object,
  ): Promise<{ items: object[] }> {
    if (aeTitle !== undefined && typeof aeTitle !== 'string')
      throw fail('field-invalid', 'must be one AE title', { field: 'aeTitle' });
    if (date !== undefined && (typeof date !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(date)))
      throw fail('field-invalid', 'must be a date as YYYY-MM-DD', { field: 'date' });
    const day = date?.replaceAll('-', '');
    const items = await this.dataSource.transaction(async (manager) => {
      const found = await this.worklist.find(
        { stationAeTitles: aeTitle ? [aeTitle] : undefined, fromDate: day, toDate: day },
        manager,
      );
      const access = {
        interaction: 'search-type' as const,
        client: clientOf(request),
        service: 'scheduling',
        references: found.map(({ appointmentId }) => `Appointment/${appointmentId}`),
        patientIds: [...new Set(found.map(({ patientId }) => patientId))],
        query: new URLSearchParams({ ...(aeTitle ? { aeTitle } : {}), ...(date ? { date } : {}) }).toString(),
      };
      await recordAccess(manager, access, this.clock.now());
      return found;
    });
    return { items };
  }

  @ApiOperation({ summary: 'Exams that no order accounts for, newest first; ids, times and the reason only' })
  @Get('unscheduled')
  async unscheduled(): Promise<{ exams: object[] }> {
    return { exams: await this.steps.unscheduled() };
  }
}
