import { Controller, Inject, Post, Put, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { FhirResource } from 'fhir/r4.js';
import { answerWrite, assertIdOfUrl, validateResource, type ResourceOf } from '#fhir';
import { clientOf } from '#platform';
import { DepartmentDesk, type Asker, type Written } from './department-desk.js';

type Write<T extends FhirResource['resourceType']> = (
  stated: ResourceOf<T>,
  asker: Asker,
) => Promise<Written<FhirResource>>;

/**
 * Where the department's state is told by FHIR R4: a room's state, planned downtime, results of quality control, the
 * roster. What is in the site file does not change here, and Tasks of rooms have a controller of their own.
 */
@ApiExcludeController()
@Controller('fhir')
export class FhirDepartmentController {
  constructor(@Inject(DepartmentDesk) private readonly desk: DepartmentDesk) {}

  @Put('Location/:id')
  changeRoom(@Req() request: Request, @Res() response: Response): Promise<void> {
    return take('Location', request, response, (room, asker) => this.desk.changeRoom(room, asker));
  }

  @Post('Slot')
  planDowntime(@Req() request: Request, @Res() response: Response): Promise<void> {
    return take('Slot', request, response, (slot, asker) => this.desk.planDowntime(slot, asker));
  }

  @Put('Slot/:id')
  changeDowntime(@Req() request: Request, @Res() response: Response): Promise<void> {
    return take('Slot', request, response, (slot, asker) => this.desk.changeDowntime(slot, asker));
  }

  @Post('Observation')
  recordQuality(@Req() request: Request, @Res() response: Response): Promise<void> {
    return take('Observation', request, response, (result, asker) => this.desk.recordQuality(result, asker));
  }

  @Put('Observation/:id')
  withdrawQuality(@Req() request: Request, @Res() response: Response): Promise<void> {
    return take('Observation', request, response, (result, asker) => this.desk.withdrawQuality(result, asker));
  }

  @Put('Practitioner/:id')
  putPractitioner(@Req() request: Request, @Res() response: Response): Promise<void> {
    return take('Practitioner', request, response, (one, asker) => this.desk.putRoster(one, asker));
  }

  @Put('PractitionerRole/:id')
  putRole(@Req() request: Request, @Res() response: Response): Promise<void> {
    return take('PractitionerRole', request, response, (one, asker) => this.desk.putRoster(one, asker));
  }
}

/** Reads what is stated, has it carried out, and answers with what is stored then. */
async function take<T extends FhirResource['resourceType']>(
  type: T,
  request: Request,
  response: Response,
  write: Write<T>,
): Promise<void> {
  const stated = validateResource(request.body, type);
  if (request.method === 'PUT') assertIdOfUrl(type, String(request.params.id), request.body);
  const { resource, isNew } = await write(stated, { client: clientOf(request), ifMatch: request.headers['if-match'] });
  answerWrite(request, response, isNew ? 201 : 200, resource);
}
