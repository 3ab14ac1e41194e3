import { Body, Controller, Headers, Inject, Param, Post, Put, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { answerWrite, assertIdOfUrl, FhirStore, recordAccess, referencedId, rekeyed, versionCorrected } from '#fhir';
import { UnitOfWork } from '#messaging';
import { clientOf, fail, INFRASTRUCTURE, type Infrastructure } from '#platform';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { observationIdOf } from './observation.decider.js';
import { ObservationDesk } from './observation-desk.js';
import { readVitalSign, recordVitalSign, type StatedVitalSign } from './vital-sign.decider.js';

/** Takes the vital signs of patients who are watched after contrast, as FHIR R4 Observation. */
@ApiExcludeController()
@Controller('fhir/Observation')
export class VitalSignsController {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(ObservationDesk) private readonly desk: ObservationDesk,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  /** 201 with the new one; 200 if it was recorded before with the same content. */
  @Post()
  async create(@Body() body: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    await this.record(readVitalSign(body, this.policy), undefined, request, response);
  }

  /** Corrects one; `If-Match` must name the version the correction was made from. */
  @Put(':id')
  async correct(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    assertIdOfUrl('Observation', id, body);
    const stated = readVitalSign(body, this.policy);
    if (stated.observation.id !== id)
      throw fail('field-invalid', 'the first identifier must stay what it was', { field: 'Observation.identifier' });
    const version = versionCorrected(ifMatch);
    await this.record(stated, version, request, response);
  }

  private async record(
    { observation: said, administrationId }: StatedVitalSign,
    version: string | undefined,
    request: Request,
    response: Response,
  ): Promise<void> {
    const patientId = referencedId(said.subject?.reference, 'Patient');
    const { outcome, observation } = await this.unitOfWork.run(patientId, async (transaction) => {
      const { manager, now, merged } = transaction;
      const stated = merged ? rekeyed(said, merged) : said;
      const administration = await this.store.read(manager, 'MedicationAdministration', administrationId);
      if (!administration)
        throw fail('unknown-key', 'there is no MedicationAdministration with this id', { field: 'Observation.partOf' });
      const current = await this.store.read(manager, 'Observation', stated.id!);
      if (!current && version) throw fail('not-found', 'there is no Observation with this id');
      const decision = recordVitalSign(current, stated, administration.subject.reference, version);
      if (decision.outcome !== 'same') {
        [decision.observation] = (await this.store.save(manager, [decision.observation], now)) as [typeof stated];
        const task = await this.store.read(manager, 'Task', observationIdOf(administrationId));
        if (task) await this.desk.measured(task, decision.observation, transaction);
      }
      const access = {
        interaction: version ? ('update' as const) : ('create' as const),
        client: clientOf(request),
        service: this.infrastructure.service,
      };
      await recordAccess(
        manager,
        { ...access, references: [`Observation/${stated.id}`], patientIds: [patientId!] },
        now,
      );
      return decision;
    });
    answerWrite(request, response, outcome === 'new' ? 201 : 200, observation);
  }
}
