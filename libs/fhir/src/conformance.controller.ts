import { Controller, Get, Header, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Bundle, CapabilityStatement } from 'fhir/r4.js';
import { fail, HoldsNoPatient, INFRASTRUCTURE, type Infrastructure } from '#platform';
import { capabilityStatement, definitionParameters, type ServedTypes } from './capability-statement.js';
import { baseOf, FHIR_JSON, handlingOf, parametersOf, urlOf } from './fhir-request.js';
import { alternativesOf } from './search-token.js';
import type { Definition } from './structure-definition.js';

/** Token of the table of types a service serves. */
export const SERVED_TYPES = Symbol('ServedTypes');

/** Token of the definitions a service publishes. */
export const DEFINITIONS = Symbol('Definitions');

const types = ['StructureDefinition', 'ValueSet', 'CodeSystem'];

/**
 * What a service says of itself: its CapabilityStatement, and the profiles, extensions and codes that names, which are
 * read and searched like any resource. No patient is in them, so no access is recorded.
 */
@HoldsNoPatient('what the service serves and how its resources are formed')
@ApiExcludeController()
@Controller('fhir')
export class ConformanceController {
  constructor(
    @Inject(SERVED_TYPES) private readonly served: ServedTypes,
    @Inject(DEFINITIONS) private readonly definitions: readonly Definition[],
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  @Get('metadata')
  @Header('Content-Type', FHIR_JSON)
  metadata(): CapabilityStatement {
    return capabilityStatement(this.infrastructure.service, this.served, this.definitions);
  }

  @Get(types)
  @Header('Content-Type', FHIR_JSON)
  search(@Req() request: Request): Bundle {
    return this.searchset(request, request.query);
  }

  @Post(types.map((type) => `${type}/_search`))
  @HttpCode(200)
  @Header('Content-Type', FHIR_JSON)
  searchByPost(@Req() request: Request): Bundle {
    return this.searchset(request, { ...request.query, ...(request.body as object | undefined) });
  }

  @Get(types.map((type) => `${type}/:id`))
  read(@Param('id') id: string, @Req() request: Request, @Res() response: Response): void {
    const found = this.ofType(request).find((one) => one.id === id);
    if (!found) throw fail('not-found', 'there is no definition with this id');
    response.type(FHIR_JSON).send(JSON.stringify(found));
  }

  private searchset(request: Request, raw: object): Bundle {
    let found = this.ofType(request);
    const query = parametersOf(raw);
    for (const [name, values] of Object.entries(query)) {
      if (definitionParameters.includes(name))
        for (const text of values) {
          const wanted = alternativesOf(text);
          const said = (one: Definition) => String((one as unknown as Record<string, unknown>)[name.replace('_', '')]);
          found = found.filter((one) => wanted.includes(said(one)));
        }
      else if (!['_format', '_pretty', '_count'].includes(name) && handlingOf(request) === 'strict')
        throw fail('field-invalid', `search parameter is not served; served are: ${definitionParameters.join(', ')}`);
    }
    const base = baseOf(request);
    const entry = found.map((resource) => ({
      fullUrl: `${base}/${resource.resourceType}/${resource.id}`,
      resource,
      search: { mode: 'match' as const },
    }));
    return {
      resourceType: 'Bundle',
      type: 'searchset',
      total: found.length,
      link: [{ relation: 'self', url: urlOf(request, this.typeOf(request), query) }],
      ...(entry.length > 0 ? { entry } : {}),
    };
  }

  private ofType(request: Request): Definition[] {
    const type = this.typeOf(request);
    const found = this.definitions.filter(({ resourceType }) => resourceType === type);
    if (found.length === 0) throw fail('not-found', `this service publishes no ${type}`);
    return found;
  }

  private typeOf({ path }: Request): string {
    return types.find((type) => path.split('/')[2] === type)!;
  }
}
