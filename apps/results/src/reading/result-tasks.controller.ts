import { Body, Controller, Get, Headers, Inject, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { DataSource } from 'typeorm';
import type { Task } from 'fhir/r4.js';
import { answerWrite, assertIdOfUrl, recordAccess, referencedId, validateResource } from '#fhir';
import { CLOCK, clientOf, fail, type Clock } from '#platform';
import { ResultTaskDesk } from './result-task-desk.js';
import { ResultTasks, type ReadingFilter } from './result-tasks.store.js';

/** The reading list, and where people say what becomes of readings, critical results and post-processing. */
@ApiTags('results')
@Controller()
export class ResultTasksController {
  constructor(
    @Inject(ResultTaskDesk) private readonly desk: ResultTaskDesk,
    @Inject(ResultTasks) private readonly tasks: ResultTasks,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @ApiOperation({
    summary: 'FHIR Tasks of studies to be read or signed, 500 at most: STAT first, then the longest waiting',
  })
  @ApiQuery({ name: 'modality', required: false })
  @ApiQuery({ name: 'subspecialty', required: false })
  @ApiQuery({ name: 'owner', required: false, description: 'number or name of who has claimed it or is to read it' })
  @Get('reading-list')
  async list(@Query() query: Record<string, unknown>, @Req() request: object): Promise<{ tasks: Task[] }> {
    for (const [name, value] of Object.entries(query))
      if (!['modality', 'subspecialty', 'owner'].includes(name) || typeof value !== 'string')
        throw fail('field-invalid', 'the list can be asked for one modality, subspecialty and owner', {
          field: 'query',
        });
    return this.dataSource.transaction(async (manager) => {
      const tasks = await this.tasks.toRead(manager, query as ReadingFilter);
      const access = {
        interaction: 'search-type' as const,
        client: clientOf(request),
        service: 'results',
        references: tasks.map(({ id }) => `Task/${id}`),
        patientIds: [...new Set(tasks.map((task) => referencedId(task.for?.reference, 'Patient')!))],
        query: new URLSearchParams(query as Record<string, string>).toString(),
      };
      await recordAccess(manager, access, this.clock.now());
      return { tasks };
    });
  }

  /** A request for post-processing: 201, or 200 where it was taken before. */
  @ApiExcludeEndpoint()
  @Post('fhir/Task')
  async request(@Body() body: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const { task, isNew } = await this.desk.request(body, clientOf(request));
    answerWrite(request, response, isNew ? 201 : 200, task);
  }

  /** What a person or a program says of a Task, at the version that it read. */
  @ApiExcludeEndpoint()
  @Put('fhir/Task/:id')
  async change(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const stated = validateResource(body, 'Task');
    assertIdOfUrl('Task', id, body);
    answerWrite(request, response, 200, await this.desk.change(stated, ifMatch, clientOf(request)));
  }
}
