import { Body, Controller, Get, Headers, Inject, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { QuestionnaireResponse } from 'fhir/r4.js';
import { DataSource } from 'typeorm';
import { assertVersion, etagOf, FhirStore, sameContent, uuidFrom, versionCorrected } from '#fhir';
import { UnitOfWork } from '#messaging';
import { fail, SITE, timesIn, type Site } from '#platform';
import { checklistIdOf, hasFailed, readChecklist } from './checklist.decider.js';

const CONTENT =
  '{ identifier: { system, value }, studyInstanceUid, modality, items: [{ code, answer: passed | failed | not-applicable }], at, status? }';

/** Where it is said how a study came out by the site's image quality checklist; each is a QuestionnaireResponse. */
@ApiTags('quality')
@Controller('quality/checklists')
export class ChecklistsController {
  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SITE) private readonly site: Site,
  ) {}

  @ApiOperation({ summary: `A checklist was gone through: ${CONTENT}; 200 where it was said before` })
  @Post()
  async record(@Body() body: unknown, @Res({ passthrough: true }) response: Response) {
    const stated = readChecklist(body, this.site);
    return this.unitOfWork.run(undefined, async ({ manager, now }) => {
      const known = await this.store.read(manager, 'QuestionnaireResponse', stated.id!);
      if (known && !sameContent(known, stated))
        throw fail('duplicate-key', 'this number is in use for another checklist: correct that one by PUT', {
          field: 'identifier',
        });
      const [saved] = known ? [known] : await this.store.save(manager, [stated], now);
      response.status(known ? 200 : 201).setHeader('ETag', etagOf(saved!));
      return saved;
    });
  }

  @ApiOperation({ summary: 'The same corrected, or taken back by status entered-in-error; If-Match has its version' })
  @Put(':id')
  async correct(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ) {
    const stated = readChecklist(body, this.site);
    if (checklistIdOf(stated.identifier as { system: string; value: string }) !== id)
      throw fail('field-invalid', 'identifier must be the number it was stated under', { field: 'identifier' });
    return this.unitOfWork.run(undefined, async ({ manager, now }) => {
      const known = await this.store.read(manager, 'QuestionnaireResponse', id);
      if (!known) throw fail('not-found', 'there is no checklist with this id');
      versionCorrected(ifMatch);
      assertVersion(ifMatch, known);
      const isAmended = stated.status === 'completed' && !sameContent({ ...known, status: 'completed' }, stated);
      const next = {
        ...stated,
        ...(isAmended ? { status: 'amended' as const } : {}),
        ...(known.meta ? { meta: known.meta } : {}),
      };
      const [saved] = await this.store.save(manager, [next], now);
      response.setHeader('ETag', etagOf(saved!));
      return saved;
    });
  }

  @ApiOperation({
    summary:
      'Those of a study (?study=<Study Instance UID>), or of a time (?from=&to=&failed=true): 500 at most, newest first',
  })
  @Get()
  async list(@Query() query: Record<string, unknown>): Promise<{ checklists: QuestionnaireResponse[] }> {
    const { study, from, to, failed } = query;
    if (failed !== undefined && failed !== 'true' && failed !== 'false')
      throw fail('field-invalid', 'must be true or false', { field: 'failed' });
    const found =
      typeof study === 'string' ? await this.ofStudy(study) : await this.ofTime(timesIn(from, to, this.site.timeZone));
    return { checklists: failed === undefined ? found : found.filter((one) => hasFailed(one) === (failed === 'true')) };
  }

  private ofStudy(studyInstanceUid: string): Promise<QuestionnaireResponse[]> {
    const study = `ImagingStudy/${uuidFrom('ImagingStudy', studyInstanceUid)}`;
    return this.store.referringTo(this.dataSource.manager, 'QuestionnaireResponse', study);
  }

  private async ofTime({ from, to }: { from: Date; to: Date }): Promise<QuestionnaireResponse[]> {
    const rows: { body: QuestionnaireResponse }[] = await this.dataSource.query(
      `SELECT body FROM resource WHERE type = 'QuestionnaireResponse' AND status <> 'entered-in-error'
          AND (body ->> 'authored')::timestamptz >= $1 AND (body ->> 'authored')::timestamptz < $2
        ORDER BY (body ->> 'authored')::timestamptz DESC, id LIMIT 500`,
      [from, to],
    );
    return rows.map(({ body }) => body);
  }
}
