import { Body, Controller, Get, Headers, Inject, Param, Put, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { DataSource } from 'typeorm';
import type { Task } from 'fhir/r4.js';
import { answerWrite, assertIdOfUrl, recordAccess, validateResource } from '#fhir';
import { CLOCK, clientOf, fail, type Clock } from '#platform';
import { DepartmentDesk } from '../department/department-desk.js';
import { OpenRoomTasks } from './room-tasks.store.js';
import { RoomTasks } from './room-tasks.js';
import { patientsOf } from './stop-exam.decider.js';

/** What rooms are asked to do, and where a person says that it was seen. */
@ApiTags('schedule')
@Controller()
export class RoomTasksController {
  constructor(
    @Inject(RoomTasks) private readonly rooms: RoomTasks,
    @Inject(DepartmentDesk) private readonly department: DepartmentDesk,
    @Inject(OpenRoomTasks) private readonly open: OpenRoomTasks,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Who saw whom is recorded in the transaction of the access. */
  @ApiOperation({ summary: 'FHIR Tasks that rooms have not done yet, such as an exam to be stopped; oldest first' })
  @ApiQuery({ name: 'aeTitle', required: false, description: 'of one station; all without it' })
  @Get('room-tasks')
  async list(@Query('aeTitle') aeTitle: unknown, @Req() request: object): Promise<{ tasks: Task[] }> {
    if (aeTitle !== undefined && typeof aeTitle !== 'string')
      throw fail('field-invalid', 'must be one AE title', { field: 'aeTitle' });
    return this.dataSource.transaction(async (manager) => {
      const tasks = await this.open.find(manager, aeTitle);
      const access = {
        interaction: 'search-type' as const,
        client: clientOf(request),
        service: 'scheduling',
        references: tasks.map(({ id }) => `Task/${id}`),
        patientIds: patientsOf(tasks),
        query: new URLSearchParams(aeTitle ? { aeTitle } : {}).toString(),
      };
      await recordAccess(manager, access, this.clock.now());
      return { tasks };
    });
  }

  /**
   * A person in the room says of a Task that it was seen (`received`) or is being done (`accepted`); of a cleaning also
   * that it is done.
   */
  @ApiExcludeEndpoint()
  @Put('fhir/Task/:id')
  async acknowledge(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const stated = validateResource(body, 'Task');
    assertIdOfUrl('Task', id, body);
    const client = clientOf(request);
    const task = (await this.department.isCleaning(id))
      ? (await this.department.changeCleaning(stated, { client, ifMatch })).resource
      : await this.rooms.acknowledge(id, stated.status, ifMatch, client);
    answerWrite(request, response, 200, task);
  }
}
