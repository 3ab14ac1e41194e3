import { Body, Controller, Headers, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Bundle, Patient, ServiceRequest } from 'fhir/r4.js';
import { FhirStore, recordAccess } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { clientOf, fail, INFRASTRUCTURE, SITE, type Infrastructure, type Site } from '#platform';
import { OrderDesk, type Request } from './order-desk.js';
import { orderFromFhir, requestFromBundle } from './request-from-fhir.js';

/** Takes orders by FHIR R4: a ServiceRequest of a known patient, or a transaction Bundle that brings the patient. */
@ApiExcludeController()
@Controller('fhir')
export class FhirOrdersController {
  constructor(
    @Inject(OrderDesk) private readonly desk: OrderDesk,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(SITE) private readonly site: Site,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  /** 201 with the new order; 200 if it was placed before with the same content, or If-None-Exist is sent. */
  @Post('ServiceRequest')
  async create(
    @Body() body: unknown,
    @Headers('if-none-exist') ifNoneExist: string | undefined,
    @Req() request: object,
    @Res() response: Response,
  ): Promise<void> {
    const { patientId, serviceRequest } = orderFromFhir(body, this.site);
    const { order, created } = await this.unitOfWork.run(patientId, async (transaction) => {
      const patient = await this.knownPatient(patientId, transaction);
      const before = await this.store.read(transaction.manager, 'ServiceRequest', serviceRequest.id!);
      const orders =
        before && ifNoneExist !== undefined
          ? [before]
          : await this.desk.take({ patient, orders: [{ control: 'NW', serviceRequest }] }, transaction);
      await this.audit(transaction, request, 'create', orders, patientId);
      return { order: orders[0]!, created: !before };
    });
    response
      .status(created ? 201 : 200)
      .setHeader('Location', `/fhir/ServiceRequest/${order.id}`)
      .setHeader('ETag', `W/"${order.meta?.versionId}"`)
      .type('application/fhir+json')
      .send(JSON.stringify(order));
  }

  @Post()
  @HttpCode(200)
  async transaction(@Body() body: unknown, @Req() request: object): Promise<Bundle> {
    const asked: Request = requestFromBundle(body, this.site);
    const patientId = asked.patient.id!;
    const orders = await this.unitOfWork.run(patientId, async (transaction) => {
      const taken = await this.desk.take(asked, transaction);
      await this.audit(transaction, request, 'transaction', taken, patientId);
      return taken;
    });
    const others = [asked.patient, asked.encounter].filter((one) => one !== undefined);
    return {
      resourceType: 'Bundle',
      type: 'transaction-response',
      entry: [...others, ...orders].map((resource) => ({
        resource,
        response: { status: '200', location: `${resource.resourceType}/${resource.id}` },
      })),
    };
  }

  private async knownPatient(patientId: string, { manager, merged }: Transaction): Promise<Patient> {
    const patient = await this.store.read(manager, 'Patient', merged?.to ?? patientId);
    if (patient) return patient;
    throw fail('value-unknown', 'the patient is not known here: send a transaction Bundle with the Patient', {
      field: 'ServiceRequest.subject',
    });
  }

  private async audit(
    transaction: Transaction,
    request: object,
    interaction: 'create' | 'transaction',
    orders: ServiceRequest[],
    patientId: string,
  ): Promise<void> {
    const references = orders.map((order) => `ServiceRequest/${order.id}`);
    const { service } = this.infrastructure;
    const access = { interaction, client: clientOf(request), service, references, patientIds: [patientId] };
    await recordAccess(transaction.manager, access, transaction.now);
  }
}
