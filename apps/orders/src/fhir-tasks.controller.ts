import { Body, Controller, Headers, Inject, Param, Put, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { answerWrite, assertIdOfUrl, validateResource } from '#fhir';
import { clientOf, fail } from '#platform';
import { FhirOrderDesk } from './fhir-order-desk.js';

/**
 * Where the department, or a placer by FHIR, says that a doubtful order is meant as it is: the Task is updated to
 * `completed`, and the order goes on. An order that is not meant is changed or cancelled itself.
 */
@ApiExcludeController()
@Controller('fhir/Task')
export class FhirTasksController {
  constructor(@Inject(FhirOrderDesk) private readonly desk: FhirOrderDesk) {}

  @Put(':id')
  async update(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { status } = validateResource(body, 'Task');
    assertIdOfUrl('Task', id, body);
    if (status !== 'completed')
      throw fail('state-conflict', 'must be completed, which releases the order as it is; else change or cancel the order', { field: 'Task.status' }); // prettier-ignore
    answerWrite(request, response, 200, await this.desk.confirm(id, ifMatch, clientOf(request)));
  }
}
