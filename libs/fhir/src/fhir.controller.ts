import { Body, Controller, Get, Header, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { DataSource, type EntityManager } from 'typeorm';
import type { Bundle, BundleEntry, FhirResource } from 'fhir/r4.js';
import { CLOCK, INFRASTRUCTURE, clientOf, fail, type Clock, type Infrastructure } from '#platform';
import { recordAccess, type Access } from './audit.js';
import type { ServedTypes } from './capability-statement.js';
import { SERVED_TYPES } from './conformance.controller.js';
import { answerOne, baseOf, FHIR_JSON, handlingOf, parametersOf, queryOf, urlOf } from './fhir-request.js';
import { historyEntry, historyOf, type HistoryPage } from './history.js';
import { referencedId } from './identity.js';
import { indexOf } from './search-index.js';
import { searchResources, type SearchPage } from './search.js';

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

  /** Every version of every resource of the type, the newest first. */
  @Get(':type/_history')
  @Header('Content-Type', FHIR_JSON)
  async historyOfType(@Param('type') type: string, @Query() query: object, @Req() request: Request): Promise<Bundle> {
    return this.historyBundle({ type }, query, request);
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
    const found = await this.audited(request, 'vread', (manager) =>
      bodies(manager, 'SELECT body FROM resource_history WHERE type = $1 AND id = $2 AND version = $3', [
        type,
        id,
        version,
      ]),
    );
    answerOne(request, response, found[0] ?? nothing(type));
  }

  /** Every version, the newest first. */
  @Get(':type/:id/_history')
  @Header('Content-Type', FHIR_JSON)
  async history(
    @Param('type') type: string,
    @Param('id') id: string,
    @Query() query: object,
    @Req() request: Request,
  ): Promise<Bundle> {
    return this.historyBundle({ type, id }, query, request);
  }

  private async historyBundle({ type, id }: { type: string; id?: string }, raw: object, request: Request) {
    this.check(type, id);
    const query = parametersOf(raw);
    let page: HistoryPage | undefined;
    const versions = await this.audited(
      request,
      id === undefined ? 'history-type' : 'history-instance',
      async (manager) => {
        page = await historyOf(manager, { type, id }, query, handlingOf(request));
        // None asked for, or nothing at all under this id.
        if (id !== undefined && page.total === 0)
          if ((await bodies(manager, 'SELECT body FROM resource WHERE type = $1 AND id = $2', [type, id])).length === 0)
            nothing(type);
        return page.versions;
      },
      queryOf(query),
    );
    const { total, next, used } = page!;
    const path = id === undefined ? `${type}/_history` : `${type}/${id}/_history`;
    return {
      resourceType: 'Bundle' as const,
      type: 'history' as const,
      total,
      link: linksOf(request, path, used, next),
      ...(versions.length > 0 ? { entry: versions.map((one) => historyEntry(one, baseOf(request))) } : {}),
    };
  }

  private async searchset(type: string, raw: object, request: Request): Promise<Bundle> {
    this.check(type);
    const query = parametersOf(raw);
    const served = this.served[type as keyof ServedTypes]!;
    let page: SearchPage | undefined;
    const resources = await this.audited(
      request,
      'search-type',
      async (manager) => {
        page = await searchResources(manager, type, query, served, handlingOf(request));
        return [...page.matches, ...page.included];
      },
      queryOf(query),
    );
    const { total, next, used, matches } = page!;
    const entryOf = (resource: FhirResource, index: number): BundleEntry => ({
      fullUrl: `${baseOf(request)}/${resource.resourceType}/${resource.id}`,
      resource,
      search: { mode: index < matches.length ? 'match' : 'include' },
    });
    return {
      resourceType: 'Bundle',
      type: 'searchset',
      ...(total === undefined ? {} : { total }),
      link: linksOf(request, type, used, next),
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

/** This page, the first and the next one; what was asked and not used is in none of them (FHIR R4 section 3.1.1.3). */
function linksOf(request: Request, path: string, used: Record<string, string[]>, next?: string): Bundle['link'] {
  const link = (relation: string, cursor?: string) => ({ relation, url: urlOf(request, path, used, cursor) });
  return [link('self', used._cursor?.[0]), link('first'), ...(next ? [link('next', next)] : [])];
}
