import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { DataSource } from 'typeorm';
import type { Task } from 'fhir/r4.js';
import type { DatasetInput } from '#dicom';
import { recordAccess } from '#fhir';
import { CLOCK, clientOf, fail, SITE, type Clock, type Site } from '#platform';
import { setupOf } from './exam-setup.decider.js';
import { FollowedAppointments } from './followed-appointments.store.js';
import { OpenStationsOnly } from './open-stations-only.js';
import { Rebookings } from './rebookings.store.js';
import { OpenRoomTasks } from './room-tasks.store.js';
import { patientsOf } from './stop-exam.decider.js';
import { Worklist } from './worklist.store.js';

/** What people and programs ask of the schedule beside FHIR and DICOM. */
@ApiTags('schedule')
@Controller()
export class SchedulingController {
  constructor(
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(Rebookings) private readonly rebookings: Rebookings,
    @Inject(OpenRoomTasks) private readonly tasks: OpenRoomTasks,
    @Inject(FollowedAppointments) private readonly followed: FollowedAppointments,
    @Inject(OpenStationsOnly) private readonly openOnly: OpenStationsOnly,
    @Inject(SITE) private readonly site: Site,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Who saw whom is recorded in the transaction of the access. */
  @ApiOperation({
    summary:
      'Steps that have not begun at open stations, STAT first, then by time, by DICOM keyword; and what rooms are asked',
  })
  @ApiQuery({ name: 'aeTitle', required: false, description: 'of one station; all without it' })
  @ApiQuery({ name: 'date', required: false, description: "YYYY-MM-DD in the site's zone; every day without it" })
  @Get('worklist')
  async list(
    @Query('aeTitle') aeTitle: unknown,
    @Query('date') date: unknown,
    @Req() request: object,
  ): Promise<{ items: object[]; roomTasks: Task[] }> {
    if (aeTitle !== undefined && typeof aeTitle !== 'string')
      throw fail('field-invalid', 'must be one AE title', { field: 'aeTitle' });
    if (date !== undefined && (typeof date !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(date)))
      throw fail('field-invalid', 'must be a date as YYYY-MM-DD', { field: 'date' });
    const day = date?.replaceAll('-', '');
    return this.dataSource.transaction(async (manager) => {
      const all = await this.worklist.find({ stationAeTitle: aeTitle, fromDate: day, toDate: day }, manager);
      const items = await this.openOnly.of(all, manager);
      const roomTasks = await this.tasks.find(manager, aeTitle);
      const access = {
        interaction: 'search-type' as const,
        client: clientOf(request),
        service: 'scheduling',
        references: [
          ...items.map(({ appointmentId }) => `Appointment/${appointmentId}`),
          ...roomTasks.map(({ id }) => `Task/${id}`),
        ],
        patientIds: [...new Set([...items.map(({ patientId }) => patientId), ...patientsOf(roomTasks)])],
        query: new URLSearchParams({ ...(aeTitle ? { aeTitle } : {}), ...(date ? { date } : {}) }).toString(),
      };
      await recordAccess(manager, access, this.clock.now());
      return {
        items: items.map((item) => ({ ...item, setup: setupOf(procedureCodesOf(item.attributes), this.site) })),
        roomTasks,
      };
    });
  }

  @ApiOperation({ summary: 'Steps that lost their time and have no other yet, the longest waiting first' })
  @Get('rebookings')
  async waiting(): Promise<{ steps: object[] }> {
    return { steps: await this.rebookings.list() };
  }

  @ApiOperation({ summary: 'Appointments a RIS told of orders that are not known here: ids, status and time only' })
  @Get('unmatched-appointments')
  async unmatched(): Promise<{ appointments: object[] }> {
    return { appointments: await this.followed.withoutOrder() };
  }
}

function procedureCodesOf({ RequestedProcedureCodeSequence: codes }: DatasetInput): { code?: string }[] {
  const [first] = (codes ?? []) as { CodeValue?: string; LongCodeValue?: string }[];
  return [{ code: first?.CodeValue ?? first?.LongCodeValue }];
}
