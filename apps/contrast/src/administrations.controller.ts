import { Body, Controller, Headers, Inject, Param, Post, Put, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import type { FhirResource, MedicationAdministration } from 'fhir/r4.js';
import { newEvent } from '#events';
import { etagOf, assertIdOfUrl, FhirStore, recordAccess, referencedId, type Access } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { clientOf, fail, INFRASTRUCTURE, type Infrastructure } from '#platform';
import { correctAdministration, recordAdministration, type AdministrationDecision } from './administration.decider.js';
import { planAfter } from './contrast-plan.decider.js';
import { isUsable, readAdministration } from './read-administration.js';

/** Takes what was given to a patient, and corrections of it, as FHIR R4 MedicationAdministration. */
@ApiExcludeController()
@Controller('fhir/MedicationAdministration')
export class AdministrationsController {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
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
    const { administration: stated, planId } = readAdministration(body);
    const unless = identifierIn(ifNoneExist);
    const patientId = await this.patientOf('MedicationRequest', planId);
    const { administration, outcome } = await this.unitOfWork.run(patientId, async (transaction) => {
      const { manager } = transaction;
      const [there, second] = unless ? await this.known([unless], transaction) : [];
      if (second) throw fail('precondition-failed', 'If-None-Exist matches several administrations');
      const plan = await this.store.read(manager, 'MedicationRequest', planId);
      const current = await this.known(stated.identifier!.filter(isUsable), transaction);
      const decision: AdministrationDecision = there
        ? { outcome: 'same', administration: there, tell: false }
        : recordAdministration(current, stated, plan);
      return this.carryOut(decision, 'create', request, transaction);
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
    assertIdOfUrl('MedicationAdministration', id, body);
    const { administration: stated, planId } = readAdministration(body);
    const version = /^(?:W\/)?"(\d+)"$/.exec(ifMatch ?? '')?.[1];
    if (!version) throw fail('precondition-failed', 'send If-Match with the ETag of the version you corrected');
    const patientId = await this.patientOf('MedicationAdministration', id);
    const { administration } = await this.unitOfWork.run(patientId, async (transaction) => {
      const current = await this.store.read(transaction.manager, 'MedicationAdministration', id);
      if (!current) throw fail('not-found', 'there is no MedicationAdministration with this id');
      const decision = correctAdministration(current, stated, planId, version);
      return this.carryOut(decision, 'update', request, transaction);
    });
    answer(response, 200, administration);
  }

  private async patientOf(
    type: 'MedicationRequest' | 'MedicationAdministration',
    id: string,
  ): Promise<string | undefined> {
    const found = await this.unitOfWork.run(undefined, ({ manager }) => this.store.read(manager, type, id));
    return referencedId(found?.subject.reference, 'Patient');
  }

  /** What is recorded under any of these identifiers, each once. */
  private async known(
    identifiers: readonly { system?: string; value?: string }[],
    { manager }: Transaction,
  ): Promise<MedicationAdministration[]> {
    const found = new Map<string, MedicationAdministration>();
    for (const { system, value } of identifiers)
      for (const one of await this.store.withIdentifier(manager, 'MedicationAdministration', system, value!))
        found.set(one.id!, one);
    return [...found.values()];
  }

  private async carryOut(
    { outcome, administration, tell }: AdministrationDecision,
    interaction: Access['interaction'],
    request: object,
    transaction: Transaction,
  ): Promise<Pick<AdministrationDecision, 'outcome' | 'administration'>> {
    const { manager, now } = transaction;
    const [saved] = outcome === 'same' ? [administration] : await this.store.save(manager, [administration], now);
    if (outcome !== 'same') await this.follow(saved!, tell, transaction);
    await recordAccess(
      manager,
      {
        interaction,
        client: clientOf(request),
        service: this.infrastructure.service,
        references: [`MedicationAdministration/${saved!.id}`],
        patientIds: [referencedId(saved!.subject.reference, 'Patient')!],
      },
      now,
    );
    return { outcome, administration: saved! };
  }

  /** The contrast record follows, and others hear of it. */
  private async follow(administration: MedicationAdministration, tell: boolean, transaction: Transaction) {
    const { manager, now } = transaction;
    const patientId = referencedId(administration.subject.reference, 'Patient')!;
    const planReference = administration.request!.reference!;
    const orderReference = administration.supportingInformation?.[0]?.reference;
    const keys = [`Patient/${patientId}`, planReference, orderReference].flatMap(keyOf);
    const around = await this.store.readMany(manager, keys);
    const find = <T extends FhirResource['resourceType']>(type: T) =>
      around.find((one): one is Extract<FhirResource, { resourceType: T }> => one.resourceType === type);
    const plan = find('MedicationRequest')!;
    const all = await this.store.referringTo(manager, 'MedicationAdministration', planReference);
    const changed = planAfter(plan, all, find('ServiceRequest'));
    const [saved] = changed ? await this.store.save(manager, [changed], now) : [plan];
    if (!tell) return;
    const resources = [administration, ...around.filter((one) => one !== plan), saved!];
    const cause = `${administration.id}/${administration.meta?.versionId}`;
    transaction.publish(newEvent({ type: 'imaging.contrast.administered.v1', patientId, cause, now, resources }));
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

function keyOf(reference: string | undefined): { type: string; id: string }[] {
  const [type, id] = reference?.split('/') ?? [];
  return type && id ? [{ type, id }] : [];
}

function answer(response: Response, status: number, administration: MedicationAdministration): void {
  response
    .status(status)
    .setHeader('Location', `/fhir/MedicationAdministration/${administration.id}`)
    .setHeader('ETag', etagOf(administration))
    .type('application/fhir+json')
    .send(JSON.stringify(administration));
}
