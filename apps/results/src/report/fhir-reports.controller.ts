import { Body, Controller, Headers, Inject, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { answerWrite, assertIdOfUrl, assertOwnNumber } from '#fhir';
import { clientOf, fail, SITE, type Site } from '#platform';
import { FhirReportDesk } from './fhir-report-desk.js';
import { reportFromFhir } from './report-from-fhir.js';

/** Takes reports, and new versions of them, as FHIR R4 DiagnosticReport from reporting systems. */
@ApiExcludeController()
@Controller('fhir/DiagnosticReport')
export class FhirReportsController {
  constructor(
    @Inject(FhirReportDesk) private readonly desk: FhirReportDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * 201 with the new report; 200 with the report as it stands now where its number is known: with this version if it is
   * new, as it was where it comes late, says nothing new, or If-None-Exist is sent.
   */
  @Post()
  async create(
    @Body() body: unknown,
    @Headers('if-none-exist') ifNoneExist: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const stated = reportFromFhir(body, this.site);
    const asked = { client: clientOf(request), interaction: 'create' as const, onlyIfNew: ifNoneExist !== undefined };
    const { report, isNew } = await this.desk.take(stated, asked);
    answerWrite(request, response, isNew ? 201 : 200, report);
  }

  /** A new version of a report; If-Match must name the one it was made from. 404 for one that was never filed. */
  @Put(':id')
  async update(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    assertIdOfUrl('DiagnosticReport', id, body);
    if (ifMatch === undefined)
      throw fail('precondition-failed', 'send If-Match with the ETag of the version that is replaced');
    if (!(await this.desk.isKnown(id))) throw fail('not-found', 'there is no DiagnosticReport with this id');
    const stated = reportFromFhir(body, this.site);
    if (stated.report.id !== id)
      throw fail('field-invalid', 'must hold the number this report was filed under, first of its own', {
        field: 'DiagnosticReport.identifier',
      });
    const asked = { client: clientOf(request), interaction: 'update' as const, ifMatch };
    answerWrite(request, response, 200, (await this.desk.take(stated, asked)).report);
  }

  /** Conditional update by the report's own number (FHIR R4 section 3.1.0.4.3): files the report if there is none. */
  @Put()
  async updateWhere(
    @Query() query: Record<string, unknown>,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const stated = reportFromFhir(body, this.site);
    const [own] = stated.report.identifier!;
    assertOwnNumber(query, own, 'the number of the report in the body');
    const asked = { client: clientOf(request), interaction: 'update' as const, ifMatch };
    const { report, isNew } = await this.desk.take(stated, asked);
    answerWrite(request, response, isNew ? 201 : 200, report);
  }
}
