import { Body, Controller, Get, Header, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { DataSource, type EntityManager } from 'typeorm';
import type { Bundle, BundleEntry, CapabilityStatement, FhirResource } from 'fhir/r4.js';
import { CLOCK, INFRASTRUCTURE, clientOf, fail, type Clock, type Infrastructure } from '#platform';
import { etagOf } from './answer-write.js';
import { recordAccess, type Access } from './audit.js';
import { capabilityStatement, type ServedTypes } from './capability-statement.js';
import { referencedId } from './identity.js';
import { indexOf } from './search-index.js';
import { searchResources, type Handling } from './search.js';

/** Token of the table of types a service serves. */
export const SERVED_TYPES = Symbol('ServedTypes');

const FHIR_JSON = 'application/fhir+json';

/** FHIR R4 read, search and history of a service's resources; each access is audited in its own transaction. */
@ApiExcludeController()
@Controller('fhir')
export class FhirController {
  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SERVED_TYPES) private readonly served: ServedTypes,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get('metadata')
  @Header('Content-Type', FHIR_JSON)
  metadata(): CapabilityStatement {
    return capabilityStatement(this.infrastructure.service, this.served);
  }

  @Get(':type')
  @Header('Content-Type', FHIR_JSON)
  async search(@Param('type') type: string, @Query() query: object, @Req() request: Request): Promise<Bundle> {
    return this.searchset(type, query, request);
  }

  /** The same search with its parameters in the body, so that an identifier is in no URL. */
  @Post(':type/_search')
  @HttpCode(200)
  @Header('Content-Type', FHIR_JSON)
  async searchByPost(
    @Param('type') type: string,
    @Query() query: object,
    @Body() body: object,
    @Req() request: Request,
  ): Promise<Bundle> {
    return this.searchset(type, { ...query, ...(body ?? {}) }, request);
  }

  @Get(':type/:id')
  async read(@Param('type') type: string, @Param('id') id: string, @Req() request: Request, @Res() response: Response) {
    this.check(type, id);
    const found = await this.audited(request, 'read', (manager) =>
      bodies(manager, 'SELECT body FROM resource WHERE type = $1 AND id = $2', [type, id]),
    );
    answerOne(request, response, found[0] ?? nothing(type));
  }

  @Get(':type/:id/_history/:version')
  async vread(
    @Param('type') type: string,
    @Param('id') id: string,
    @Param('version') version: string,
    @Req() request: Request,
    @Res() response: Response,
  ) {
    this.check(type, id);
    if (!/^\d{1,9}$/.test(version)) throw fail('not-found', `there is no version with this id`);
    const found = await this.audited(
      request,
      'vread',
      (manager) =>
      bodies(manager, 'SELECT body FROM resource_history WHERE type = $1 AND id = $2 AND version = $3', [type, id, version]), // prettier-ignore
    );
    answerOne(request, response, found[0] ?? nothing(type));
  }

  /** Every version, the newest first. */
  @Get(':type/:id/_history')
  @Header('Content-Type', FHIR_JSON)
  async history(@Param('type') type: string, @Param('id') id: string, @Req() request: Request): Promise<Bundle> {
    this.check(type, id);
    const versions = await this.audited(
      request,
      'history-instance',
      (manager) =>
      bodies(manager, 'SELECT body FROM resource_history WHERE type = $1 AND id = $2 ORDER BY version DESC', [type, id]), // prettier-ignore
    );
    if (versions.length === 0) nothing(type);
    return {
      resourceType: 'Bundle',
      type: 'history',
      total: versions.length,
      entry: versions.map((resource) => ({
        fullUrl: `${baseOf(request)}/${type}/${id}`,
        resource,
        request: { method: resource.meta?.versionId === '1' ? 'POST' : 'PUT', url: `${type}/${id}` },
        response: { status: '200', etag: etagOf(resource), lastModified: resource.meta?.lastUpdated },
      })),
    };
  }

  private async searchset(type: string, raw: object, request: Request): Promise<Bundle> {
    this.check(type);
    const query = parametersOf(raw);
    const { search, includes } = this.served[type as keyof ServedTypes]!;
    let next: string | undefined;
    let total = 0;
    let found = 0;
    const resources = await this.audited(
      request,
      'search-type',
      async (manager) => {
        const page = await searchResources(manager, type, query, search, handlingOf(request), includes);
        ({ next, total } = page);
        found = page.matches.length;
        return [...page.matches, ...page.included];
      },
      new URLSearchParams(
        Object.entries(query).flatMap(([name, values]) => values.map((value): [string, string] => [name, value])),
      ),
    );
    const entryOf = (resource: FhirResource, index: number): BundleEntry => ({
      fullUrl: `${baseOf(request)}/${resource.resourceType}/${resource.id}`,
      resource,
      search: { mode: index < found ? 'match' : 'include' },
    });
    const link = (relation: string, cursor?: string) => ({ relation, url: urlOf(request, type, query, cursor) });
    return {
      resourceType: 'Bundle',
      type: 'searchset',
      total,
      link: [link('self'), ...(next ? [link('next', next)] : [])],
      // FHIR has no empty lists.
      ...(resources.length > 0 ? { entry: resources.map(entryOf) } : {}),
    };
  }

  private async audited(
    request: Request,
    interaction: Access['interaction'],
    access: (manager: EntityManager) => Promise<FhirResource[]>,
    query?: URLSearchParams,
  ): Promise<FhirResource[]> {
    return this.dataSource.transaction(async (manager) => {
      const resources = await access(manager);
      const patients = resources.map((one) => indexOf(one).patient_id).filter((id) => id !== null);
      await recordAccess(
        manager,
        {
          interaction,
          client: clientOf(request),
          service: this.infrastructure.service,
          references: resources.map((one) => `${one.resourceType}/${one.id}`),
          patientIds: [...new Set(patients.map((id) => referencedId(id, 'Patient') ?? id))],
          ...(query ? { query: query.toString() } : {}),
        },
        this.clock.now(),
      );
      return resources;
    });
  }

  private check(type: string, id?: string): void {
    if (!Object.hasOwn(this.served, type))
      throw fail('not-found', `this service serves ${Object.keys(this.served).join(', ')}`);
    // FHIR R4 datatype id; anything else is nobody's.
    if (id !== undefined && !/^[A-Za-z0-9.-]{1,64}$/.test(id)) nothing(type);
  }
}

async function bodies(manager: EntityManager, query: string, parameters: unknown[]): Promise<FhirResource[]> {
  const rows: { body: FhirResource }[] = await manager.query(query, parameters);
  return rows.map((row) => row.body);
}

function nothing(type: string): never {
  throw fail('not-found', `there is no ${type} with this id`);
}

/** One resource with its version, or 304 to a client that has it. */
function answerOne(request: Request, response: Response, resource: FhirResource): void {
  const etag = etagOf(resource);
  response.setHeader('ETag', etag).setHeader('Last-Modified', new Date(resource.meta!.lastUpdated!).toUTCString());
  if (request.headers['if-none-match'] === etag) response.status(304).end();
  else response.type(FHIR_JSON).send(JSON.stringify(resource));
}

function handlingOf(request: Request): Handling {
  return /\bhandling=lenient\b/.test(String(request.headers.prefer ?? '')) ? 'lenient' : 'strict';
}

function parametersOf(raw: object): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [name, [value].flat().map((one) => String(one))]),
  );
}

function baseOf(request: Request): string {
  return `${request.protocol}://${request.get('host')}/fhir`;
}

function urlOf(request: Request, type: string, query: Record<string, string[]>, cursor?: string): string {
  const parameters = new URLSearchParams();
  for (const [name, values] of Object.entries(query))
    if (name !== '_cursor') for (const value of values) parameters.append(name, value);
  if (cursor) parameters.set('_cursor', cursor);
  return `${baseOf(request)}/${type}?${parameters}`;
}
