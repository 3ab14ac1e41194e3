import { Body, Controller, Headers, HttpCode, Inject, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Bundle } from 'fhir/r4.js';
import { answerWrite, assertIdOfUrl, assertOwnNumber, etagOf } from '#fhir';
import { clientOf, fail, SITE, type Site } from '#platform';
import { FhirOrderDesk } from './fhir-order-desk.js';
import { requestFromBundle } from './request-from-bundle.js';
import { orderFromFhir } from './request-from-fhir.js';

/**
 * Takes orders by FHIR R4: a ServiceRequest of a known patient, or a transaction Bundle that brings the patient. An
 * update says what the order is from now on: what it leaves out is no more, the numbers assigned here stay; status
 * `revoked` cancels, `on-hold` holds, `active` releases.
 */
@ApiExcludeController()
@Controller('fhir')
export class FhirOrdersController {
  constructor(
    @Inject(FhirOrderDesk) private readonly desk: FhirOrderDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** 201 with the new order; 200 if it was placed before with the same content, or If-None-Exist is sent. */
  @Post('ServiceRequest')
  async create(
    @Body() body: unknown,
    @Headers('if-none-exist') ifNoneExist: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const stated = orderFromFhir(body, this.site);
    const { order, isNew } = await this.desk.place(stated, ifNoneExist !== undefined, clientOf(request));
    answerWrite(request, response, isNew ? 201 : 200, order);
  }

  /** 200 with the order as it is now; 404 for one that was never placed, since ids are given here. */
  @Put('ServiceRequest/:id')
  async update(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    assertIdOfUrl('ServiceRequest', id, body);
    const stated = orderFromFhir(body, this.site);
    if (stated.serviceRequest.id !== id)
      throw fail('field-invalid', 'must hold the placer order number this order was placed under', {
        field: 'ServiceRequest.identifier',
      });
    answerWrite(request, response, 200, await this.desk.replace(stated, ifMatch, clientOf(request)));
  }

  /** Conditional update by placer order number (FHIR R4 section 3.1.0.4.3): places the order if there is none. */
  @Put('ServiceRequest')
  async updateWhere(
    @Query() query: Record<string, unknown>,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const stated = orderFromFhir(body, this.site);
    const [placer] = stated.serviceRequest.identifier!;
    assertOwnNumber(query, placer, 'the placer order number of the body');
    const client = clientOf(request);
    if (await this.desk.isKnown(stated.serviceRequest.id!))
      return answerWrite(request, response, 200, await this.desk.replace(stated, ifMatch, client));
    const { order, isNew } = await this.desk.place(stated, false, client);
    answerWrite(request, response, isNew ? 201 : 200, order);
  }

  /** One entry of the answer for each of the transaction, in its order: 201 for what is new here, else 200. */
  @Post()
  @HttpCode(200)
  async transaction(@Body() body: unknown, @Req() request: Request): Promise<Bundle> {
    const written = await this.desk.carryOut(requestFromBundle(body, this.site), clientOf(request));
    return {
      resourceType: 'Bundle',
      type: 'transaction-response',
      entry: written.map(({ resource, isNew }) => ({
        resource,
        response: {
          status: isNew ? '201 Created' : '200 OK',
          location: `${resource.resourceType}/${resource.id}/_history/${resource.meta?.versionId}`,
          etag: etagOf(resource),
          lastModified: resource.meta?.lastUpdated,
        },
      })),
    };
  }
}
