import { Body, Controller, Get, HttpCode, Inject, Post, Query, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { DataSource, type EntityManager } from 'typeorm';
import { datasetFromJson, datasetToJson, nameOfTag, worklistItemMatches, type Dataset, type DicomJson } from '#dicom';
import { recordAccess } from '#fhir';
import { CLOCK, clientOf, fail, INFRASTRUCTURE, SITE, type Clock, type Infrastructure, type Site } from '#platform';
import { filterOf } from './serve-worklist-when-modality-asks.js';
import { worklistArchive } from './worklist-export.js';
import { datasetOf, Worklist, type FoundItem, type WorklistFilter } from './worklist.store.js';

const DICOM_JSON = 'application/dicom+json';

/** The worklist for people and programs that do not speak DIMSE. Who saw whom is recorded in the transaction of the access. */
@ApiTags('worklist')
@Controller('worklist')
export class WorklistController {
  constructor(
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @ApiOperation({
    summary: `Steps that have not begun, STAT first, then by time: attributes by DICOM keyword, or the DICOM JSON model for Accept: ${DICOM_JSON}`,
  })
  @ApiQuery({ name: 'aeTitle', required: false, description: 'of one station; all without it' })
  @ApiQuery({ name: 'date', required: false, description: "YYYY-MM-DD in the site's zone; every day without it" })
  @Get()
  async list(
    @Query('aeTitle') aeTitle: unknown,
    @Query('date') date: unknown,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<{ items: FoundItem[] } | DicomJson[]> {
    const items = await this.ofStation(aeTitle, date, request);
    if (request.accepts(['application/json', DICOM_JSON]) !== DICOM_JSON) return { items };
    response.type(DICOM_JSON);
    return items.map((item) => datasetToJson(datasetOf(item)));
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
    const asked = query.elements().filter(({ tag }) => query.hasValue(tag));
    // A search by POST, since a patient's number has no place in a URL; the record says which keys, not their values.
    const keys = asked.map(({ tag }) => nameOfTag(tag)).join(',');
    const items = await this.find(filterOf(query), request, keys, (item) => worklistItemMatches(item, query));
    response.type(DICOM_JSON);
    return items.map((item) => datasetToJson(datasetOf(item)));
  }

  @ApiOperation({
    summary:
      'For downtime, a tar archive: worklist.html to print, and a folder that dcmtk wlmscpfs serves as our AE title',
  })
  @ApiQuery({ name: 'aeTitle', required: false, description: 'of one station; all without it' })
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

  private find(
    filter: WorklistFilter,
    request: Request,
    asked: string,
    isMeant: (item: Dataset) => boolean = () => true,
  ): Promise<FoundItem[]> {
    return this.dataSource.transaction(async (manager) => {
      const found = (await this.worklist.find(filter, manager)).filter((item) => isMeant(datasetOf(item)));
      await this.record(manager, found, request, asked);
      return found;
    });
  }

  private async record(manager: EntityManager, found: FoundItem[], request: Request, asked: string): Promise<void> {
    const access = {
      interaction: 'search-type' as const,
      client: clientOf(request),
      service: 'scheduling',
      references: found.map(({ appointmentId }) => `Appointment/${appointmentId}`),
      patientIds: [...new Set(found.map(({ patientId }) => patientId))],
      query: asked,
    };
    await recordAccess(manager, access, this.clock.now());
  }
}
