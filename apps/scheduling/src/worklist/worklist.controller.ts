import { Body, Controller, Get, HttpCode, Inject, Post, Query, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { DataSource, type EntityManager } from 'typeorm';
import type { Task } from 'fhir/r4.js';
import { datasetFromJson, datasetToJson, worklistItemMatches, type Dataset, type DicomJson } from '#dicom';
import { recordAccess } from '#fhir';
import { CLOCK, clientOf, fail, INFRASTRUCTURE, SITE, type Clock, type Infrastructure, type Site } from '#platform';
import { filterOf, keysOf, readFrom } from './serve-worklist-when-modality-asks.js';
import { worklistArchive } from './worklist-export.js';
import { setupOf } from '../exam/exam-setup.decider.js';
import { OpenStationsOnly } from './open-stations-only.js';
import { OpenRoomTasks } from '../exam/room-tasks.store.js';
import { patientsOf } from '../exam/stop-exam.decider.js';
import { datasetOf, Worklist, type FoundItem, type WorklistFilter } from './worklist.store.js';
import { seenThrough, stationsOf } from './worklist-views.decider.js';

const DICOM_JSON = 'application/dicom+json';

/** The worklist for people and programs that do not speak DIMSE. Who saw whom is recorded in the transaction of the access. */
@ApiTags('worklist')
@Controller('worklist')
export class WorklistController {
  constructor(
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(OpenRoomTasks) private readonly tasks: OpenRoomTasks,
    @Inject(OpenStationsOnly) private readonly openOnly: OpenStationsOnly,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @ApiOperation({
    summary: `Steps that have not begun at open stations, STAT first, then by time: attributes by DICOM keyword, and what the room is asked; the items alone in the DICOM JSON model for Accept: ${DICOM_JSON}`,
  })
  @ApiQuery({ name: 'aeTitle', required: false, description: 'of one station or worklist view; all without it' })
  @ApiQuery({ name: 'date', required: false, description: "YYYY-MM-DD in the site's zone; every day without it" })
  @Get()
  async list(
    @Query('aeTitle') aeTitle: unknown,
    @Query('date') date: unknown,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<{ items: FoundItem[]; roomTasks: Task[] } | DicomJson[]> {
    const items = await this.ofStation(aeTitle, date, request);
    if (request.accepts(['application/json', DICOM_JSON]) === DICOM_JSON) {
      response.type(DICOM_JSON);
      return items.map((item) => datasetToJson(datasetOf(item)));
    }
    const prepared = items.map((item) => ({ ...item, setup: setupOf(procedureCodesOf(item), this.site) }));
    return { items: prepared, roomTasks: await this.tasksOf(aeTitle as string | undefined, request) };
  }

  @ApiOperation({ summary: 'The items a C-FIND with this identifier finds, whole; both in the DICOM JSON model' })
  @Post('query')
  @HttpCode(200)
  async query(
    @Body() body: unknown,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DicomJson[]> {
    const query = datasetFromJson(body);
    // A search by POST, since a patient's number has no place in a URL; the record says which keys, not their values.
    const keys = keysOf(query).join(',');
    const items = await this.find(filterOf(query), request, keys, (item) => worklistItemMatches(item, query));
    response.type(DICOM_JSON);
    return items.map((item) => datasetToJson(datasetOf(item)));
  }

  @ApiOperation({
    summary:
      'For downtime, a tar archive: worklist.html to print, and a folder that dcmtk wlmscpfs serves as our AE title',
  })
  @ApiQuery({ name: 'aeTitle', required: false, description: 'of one station or worklist view; all without it' })
  @ApiQuery({ name: 'date', required: false, description: "YYYY-MM-DD in the site's zone; every day without it" })
  @Get('export')
  async export(
    @Query('aeTitle') aeTitle: unknown,
    @Query('date') date: unknown,
    @Req() request: Request,
  ): Promise<StreamableFile> {
    const items = await this.ofStation(aeTitle, date, request);
    const calledAeTitle = this.infrastructure.dicom?.aeTitle ?? 'COLLIMATOR';
    const archive = worklistArchive(items, { calledAeTitle, site: this.site, at: this.clock.now() });
    return new StreamableFile(archive, {
      type: 'application/x-tar',
      disposition: 'attachment; filename="worklist.tar"',
    });
  }

  private async ofStation(aeTitle: unknown, date: unknown, request: Request): Promise<FoundItem[]> {
    if (aeTitle !== undefined && typeof aeTitle !== 'string')
      throw fail('field-invalid', 'must be one AE title', { field: 'aeTitle' });
    if (date !== undefined && (typeof date !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(date)))
      throw fail('field-invalid', 'must be a date as YYYY-MM-DD', { field: 'date' });
    const day = date?.replaceAll('-', '');
    const asked = new URLSearchParams({ ...(aeTitle ? { aeTitle } : {}), ...(date ? { date } : {}) }).toString();
    const stationAeTitles = aeTitle ? [aeTitle] : undefined;
    return this.find({ stationAeTitles, fromDate: day, toDate: day }, request, asked);
  }

  private tasksOf(aeTitle: string | undefined, request: Request): Promise<Task[]> {
    return this.dataSource.transaction(async (manager) => {
      const tasks = await this.tasks.find(manager, aeTitle);
      const references = tasks.map(({ id }) => `Task/${id}`);
      if (tasks.length > 0) await this.record(manager, { references, patientIds: patientsOf(tasks) }, request, '');
      return tasks;
    });
  }

  private find(
    filter: WorklistFilter,
    request: Request,
    asked: string,
    isMeant: (item: Dataset) => boolean = () => true,
  ): Promise<FoundItem[]> {
    return this.dataSource.transaction(async (manager) => {
      const { stationAeTitles: meant } = filter;
      const read = await this.worklist.find({ ...filter, ...readFrom(meant, this.site) }, manager);
      const open = await this.openOnly.of(read, meant, manager);
      const seen = open.map((item) => seenThrough(item, meant ?? [], this.site));
      const isAsked = (item: FoundItem) => !meant || stationsOf(item).some((one) => meant.includes(one));
      const found = seen.filter((item) => isAsked(item) && isMeant(datasetOf(item)));
      const references = found.map(({ appointmentId }) => `Appointment/${appointmentId}`);
      const patientIds = [...new Set(found.map(({ patientId }) => patientId))];
      await this.record(manager, { references, patientIds }, request, asked);
      return found;
    });
  }

  private async record(
    manager: EntityManager,
    seen: { references: string[]; patientIds: string[] },
    request: Request,
    query: string,
  ): Promise<void> {
    const access = { interaction: 'search-type' as const, client: clientOf(request), service: 'scheduling', ...seen };
    await recordAccess(manager, { ...access, query }, this.clock.now());
  }
}

function procedureCodesOf({ attributes }: FoundItem): { code?: string }[] {
  const [first] = (attributes.RequestedProcedureCodeSequence ?? []) as { CodeValue?: string; LongCodeValue?: string }[];
  return [{ code: first?.CodeValue ?? first?.LongCodeValue }];
}
