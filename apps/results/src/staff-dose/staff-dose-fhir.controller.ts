import { Body, Controller, Get, Header, Headers, Inject, Param, Post, Put, Req, Res, UseGuards } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { CapabilityStatement } from 'fhir/r4.js';
import {
  answerWrite,
  assertIdOfUrl,
  capabilityStatement,
  FHIR_JSON,
  FhirController,
  versionCorrected,
  type ServedTypes,
} from '#fhir';
import { CLOCK, clientOf, INFRASTRUCTURE, type Clock, type Infrastructure } from '#platform';
import { readStaffObservation } from './read-staff-observation.js';
import { StaffDoseDatabase } from './staff-dose-database.js';
import { StaffDoseDesk } from './staff-dose-desk.js';
import { StaffDoseScope } from './staff-dose-scope.js';

const served: ServedTypes = {
  Observation: {
    search: ['_id', 'patient', 'status', 'code', '_lastUpdated'],
    interactions: ['create', 'update'],
    documentation:
      'Readings of personal dosimeters on a Practitioner: `code` of urn:collimator:personal-dose-equivalent (hp10, hp007, hp3), ' +
      '`subject` Practitioner/<id> or the identifier of the person, `effectivePeriod` of days, `bodySite` with a coding of ' +
      'urn:collimator:dosimeter-location, `device.identifier` of the dosimeter, `valueQuantity` in mSv, uSv, Sv or mREM (`<` ' +
      'where it was less than is reported) or `dataAbsentReason`. LOINC 82810-3 with SNOMED CT 77386006: a pregnancy declared at ' +
      '`effectivePeriod.start`. Notes are kept. An update needs If-Match.',
  },
  Practitioner: { search: ['_id', 'identifier', '_lastUpdated'] },
  DetectedIssue: { search: ['_id', 'status', 'code', 'implicated', '_lastUpdated'] },
};

/** Staff doses as FHIR R4, under a root of their own: nothing of them is under /fhir. Each access is recorded in their schema. */
@UseGuards(StaffDoseScope)
@Controller('staff-dose/fhir')
export class StaffDoseFhirController extends FhirController {
  constructor(
    @Inject(StaffDoseDatabase) database: StaffDoseDatabase,
    @Inject(INFRASTRUCTURE) private readonly ofService: Infrastructure,
    @Inject(CLOCK) clock: Clock,
    @Inject(StaffDoseDesk) private readonly desk: StaffDoseDesk,
  ) {
    super(database.dataSource, served, ofService, clock);
  }

  @Get('metadata')
  @Header('Content-Type', FHIR_JSON)
  metadata(): CapabilityStatement {
    return capabilityStatement(`${this.ofService.service}, doses of staff`, served);
  }

  /** 201 for a new reading; 200 for one that is there already with the same content. */
  @Post('Observation')
  async create(@Body() body: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const stated = readStaffObservation(body, this.desk.today());
    const { observation, isNew } = await this.desk.takeObservation(stated, clientOf(request), undefined);
    answerWrite(request, response, isNew ? 201 : 200, observation);
  }

  /** A correction, or that it was entered in error; If-Match has the version that was corrected. */
  @Put('Observation/:id')
  async update(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    assertIdOfUrl('Observation', id, body);
    const how = { id, ifMatch: `W/"${versionCorrected(ifMatch)}"` };
    const stated = readStaffObservation(body, this.desk.today());
    const { observation } = await this.desk.takeObservation(stated, clientOf(request), how);
    answerWrite(request, response, 200, observation);
  }
}
