import { Body, Controller, Headers, Inject, Param, Put, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { answerWrite, assertIdOfUrl, validateResource } from '#fhir';
import { clientOf, SITE, type Site } from '#platform';
import { FhirOrderDesk } from './fhir-order-desk.js';
import { profilesOf } from './profiles.js';

/**
 * Where a placer by FHIR, or the department, changes an order by its Task's status, which alone is read. Of a question
 * (`clarify`): `completed` says that the order is meant as it is, and it goes on; an order that is not meant is changed or
 * cancelled itself. Of what says how far the order is (`fulfill`): `cancelled`, `on-hold`, `accepted`.
 */
@ApiExcludeController()
@Controller('fhir/Task')
export class FhirTasksController {
  constructor(
    @Inject(FhirOrderDesk) private readonly desk: FhirOrderDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  @Put(':id')
  async update(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { status } = validateResource(body, 'Task', profilesOf(this.site));
    assertIdOfUrl('Task', id, body);
    answerWrite(request, response, 200, await this.desk.changeTask(id, status, ifMatch, clientOf(request)));
  }
}
