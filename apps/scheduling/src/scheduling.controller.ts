import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { DataSource } from 'typeorm';
import type { DatasetInput } from '#dicom';
import { recordAccess } from '#fhir';
import { CLOCK, clientOf, fail, SITE, type Clock, type Site } from '#platform';
import { setupOf } from './exam-setup.decider.js';
import { OpenStationsOnly } from './open-stations-only.js';
import { PerformedProcedureSteps } from './performed-procedure-steps.store.js';
import { Worklist } from './worklist.store.js';

/** What people and programs ask of the schedule beside FHIR and DICOM. */
@ApiTags('schedule')
@Controller()
export class SchedulingController {
  constructor(
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(PerformedProcedureSteps) private readonly steps: PerformedProcedureSteps,
    @Inject(OpenStationsOnly) private readonly openOnly: OpenStationsOnly,
    @Inject(SITE) private readonly site: Site,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Who saw whom is recorded in the transaction of the access. */
  @ApiOperation({
    summary:
      'Steps that have not begun at stations that are open, STAT first, then by time; attributes by DICOM keyword',
  })
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
      const all = await this.worklist.find({ stationAeTitle: aeTitle, fromDate: day, toDate: day }, manager);
      const found = await this.openOnly.of(all, manager);
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
    return { items: items.map((item) => ({ ...item, setup: setupOf(procedureCodesOf(item.attributes), this.site) })) };
  }

  @ApiOperation({ summary: 'Exams that no order accounts for, newest first; ids, times and the reason only' })
  @Get('unscheduled')
  async unscheduled(): Promise<{ exams: object[] }> {
    return { exams: await this.steps.unscheduled() };
  }
}

function procedureCodesOf({ RequestedProcedureCodeSequence: codes }: DatasetInput): { code?: string }[] {
  const [first] = (codes ?? []) as { CodeValue?: string; LongCodeValue?: string }[];
  return [{ code: first?.CodeValue ?? first?.LongCodeValue }];
}
