import { Body, Controller, Headers, HttpCode, Inject, Param, Post, Put, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import type { MedicationAdministration, OperationOutcome } from 'fhir/r4.js';
import { assertIdOfUrl, etagOf, versionCorrected } from '#fhir';
import { fail, SITE, type Site } from '#platform';
import { AdministrationDesk } from './administration-desk.js';
import { sourceOf } from './source-of.js';

/** Takes what was given to a patient, and corrections of it, as FHIR R4 MedicationAdministration. */
@ApiExcludeController()
@Controller('fhir/MedicationAdministration')
export class AdministrationsController {
  constructor(
    @Inject(AdministrationDesk) private readonly desk: AdministrationDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * 201 with the new administration; 200 if it was recorded before with the same content, or if `If-None-Exist` names
   * one that is there (FHIR R4 conditional create).
   */
  @Post()
  async create(
    @Body() body: unknown,
    @Headers('if-none-exist') ifNoneExist: string | undefined,
    @Req() request: object,
    @Res() response: Response,
  ): Promise<void> {
    const source = sourceOf(body, request, this.site);
    const stated = this.desk.read(body, source.by);
    const { administration, outcome } = await this.desk.record(stated, source, identifierIn(ifNoneExist));
    answer(response, outcome === 'new' ? 201 : 200, administration);
  }

  /**
   * Whether this may be given now: 200 with an OperationOutcome that says nothing speaks against it, or 409 with every
   * reason and the element it is about. Nothing is stored but the audit.
   */
  @Post('\\$check')
  @HttpCode(200)
  async check(@Body() body: unknown, @Req() request: object): Promise<OperationOutcome> {
    const { client } = sourceOf(body, request, this.site);
    // Before it is given nobody is asked who gave it; and whoever holds the syringe is a person.
    await this.desk.check(this.desk.read(body, 'injector'), { by: 'person', client });
    const diagnostics =
      'patient, agent, dose, route and time are right, screening lets it be given, and nothing is against its lot';
    return {
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'information', code: 'informational', diagnostics }],
    };
  }

  /** Corrects an administration; `If-Match` must name the version the correction was made from. */
  @Put(':id')
  async correct(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: object,
    @Res() response: Response,
  ): Promise<void> {
    assertIdOfUrl('MedicationAdministration', id, body);
    const source = sourceOf(body, request, this.site);
    const stated = this.desk.read(body, source.by);
    const version = versionCorrected(ifMatch);
    const { administration } = await this.desk.correct(id, stated, version, source);
    answer(response, 200, administration);
  }
}

/** The identifier in `If-None-Exist: identifier=<system>|<value>`, the one criterion taken. */
function identifierIn(header: string | undefined): { system: string; value: string } | undefined {
  if (header === undefined) return undefined;
  const criteria = [...new URLSearchParams(header)];
  const [system, value] = criteria[0]?.[1].split('|') ?? [];
  if (criteria.length === 1 && criteria[0]![0] === 'identifier' && system && value) return { system, value };
  throw fail('field-invalid', 'must be identifier=<system>|<value>', { field: 'If-None-Exist' });
}

function answer(response: Response, status: number, administration: MedicationAdministration): void {
  response
    .status(status)
    .setHeader('Location', `/fhir/MedicationAdministration/${administration.id}`)
    .setHeader('ETag', etagOf(administration))
    .type('application/fhir+json')
    .send(JSON.stringify(administration));
}
