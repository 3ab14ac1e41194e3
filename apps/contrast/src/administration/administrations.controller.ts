import { Body, Controller, Headers, Inject, Param, Post, Put, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import type { MedicationAdministration } from 'fhir/r4.js';
import { etagOf, assertIdOfUrl } from '#fhir';
import { clientOf, fail } from '#platform';
import { AdministrationDesk } from './administration-desk.js';
import { readAdministration } from './read-administration.js';

/** Takes what was given to a patient, and corrections of it, as FHIR R4 MedicationAdministration. */
@ApiExcludeController()
@Controller('fhir/MedicationAdministration')
export class AdministrationsController {
  constructor(@Inject(AdministrationDesk) private readonly desk: AdministrationDesk) {}

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
    const stated = readAdministration(body);
    const source = { by: 'person' as const, client: clientOf(request) };
    const { administration, outcome } = await this.desk.record(stated, source, identifierIn(ifNoneExist));
    answer(response, outcome === 'new' ? 201 : 200, administration);
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
    const stated = readAdministration(body);
    const version = /^(?:W\/)?"(\d+)"$/.exec(ifMatch ?? '')?.[1];
    if (!version) throw fail('precondition-failed', 'send If-Match with the ETag of the version you corrected');
    const source = { by: 'person' as const, client: clientOf(request) };
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
