import { Body, Controller, Headers, Inject, Param, Post, Put, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import type { FhirResource, MedicationAdministration } from 'fhir/r4.js';
import { newEvent } from '#events';
import { FhirStore, recordAccess, referencedId } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { clientOf, fail, INFRASTRUCTURE, type Infrastructure } from '#platform';
import { correctAdministration, readAdministration, recordAdministration } from './administration.decider.js';
import { carriedOut } from './contrast-plan.decider.js';

/** Takes what was given to a patient, and corrections of it, as FHIR R4 MedicationAdministration. */
@ApiExcludeController()
@Controller('fhir/MedicationAdministration')
export class AdministrationsController {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  /** 201 with the new administration; 200 if it was recorded before with the same content. */
  @Post()
  async create(@Body() body: unknown, @Req() request: object, @Res() response: Response): Promise<void> {
    const { administration: stated, planId } = readAdministration(body);
    const patientId = await this.patientOf('MedicationRequest', planId);
    const { administration, outcome } = await this.unitOfWork.run(patientId, async (transaction) => {
      const { manager, now } = transaction;
      const plan = await this.store.read(manager, 'MedicationRequest', planId);
      const current = await this.store.read(manager, 'MedicationAdministration', stated.id!);
      const decision = recordAdministration(current, stated, plan);
      if (decision.outcome === 'same') return decision;
      const given = decision.administration.status !== 'not-done';
      const done = given ? carriedOut(plan!) : undefined;
      const [saved, ...others] = await this.store.save<FhirResource>(manager, [decision.administration, ...(done ? [done] : [])], now); // prettier-ignore
      await this.tell(saved as MedicationAdministration, [...others, ...(done ? [] : [plan!])], transaction);
      await this.audit(transaction, request, 'create', saved!.id!, patientId!);
      return { outcome: decision.outcome, administration: saved as MedicationAdministration };
    });
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
    const { administration: stated } = readAdministration(body);
    const patientId = await this.patientOf('MedicationAdministration', id);
    const version = /^W\/"(\d+)"$/.exec(ifMatch ?? '')?.[1];
    if (!version) throw fail('precondition-failed', 'send If-Match with the ETag of the version you corrected');
    const saved = await this.unitOfWork.run(patientId, async (transaction) => {
      const { manager, now } = transaction;
      const current = await this.store.read(manager, 'MedicationAdministration', id);
      if (!current) throw fail('not-found', 'there is no MedicationAdministration with this id');
      if (current.meta?.versionId !== version)
        throw fail('precondition-failed', 'the administration was changed since: read it again');
      const [corrected] = await this.store.save(manager, [correctAdministration(current, stated)], now);
      await this.tell(corrected!, [], transaction);
      await this.audit(transaction, request, 'update', id, patientId!);
      return corrected!;
    });
    answer(response, 200, saved);
  }

  private async patientOf(
    type: 'MedicationRequest' | 'MedicationAdministration',
    id: string,
  ): Promise<string | undefined> {
    const found = await this.unitOfWork.run(undefined, ({ manager }) => this.store.read(manager, type, id));
    return referencedId(found?.subject.reference, 'Patient');
  }

  private async tell(administration: MedicationAdministration, others: FhirResource[], transaction: Transaction) {
    const { manager, now } = transaction;
    const patientId = referencedId(administration.subject.reference, 'Patient')!;
    const order = administration.supportingInformation?.[0]?.reference;
    const orderId = referencedId(order, 'ServiceRequest');
    const copies = await this.store.readMany(manager, [
      { type: 'Patient', id: patientId },
      ...(orderId ? [{ type: 'ServiceRequest', id: orderId }] : []),
    ]);
    transaction.publish(
      newEvent({
        type: 'imaging.contrast.administered.v1',
        patientId,
        cause: `${administration.id}/${administration.meta?.versionId}`,
        now,
        resources: [administration, ...copies, ...others],
      }),
    );
  }

  private async audit(
    transaction: Transaction,
    request: object,
    interaction: 'create' | 'update',
    id: string,
    patientId: string,
  ): Promise<void> {
    const references = [`MedicationAdministration/${id}`];
    const { service } = this.infrastructure;
    const access = { interaction, client: clientOf(request), service, references, patientIds: [patientId] };
    await recordAccess(transaction.manager, access, transaction.now);
  }
}

function answer(response: Response, status: number, administration: MedicationAdministration): void {
  response
    .status(status)
    .setHeader('Location', `/fhir/MedicationAdministration/${administration.id}`)
    .setHeader('ETag', `W/"${administration.meta?.versionId}"`)
    .type('application/fhir+json')
    .send(JSON.stringify(administration));
}
