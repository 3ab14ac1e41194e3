import { Controller, HttpCode, Inject, Post, Query, Req } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { FhirStore } from '#fhir';
import { UnitOfWork } from '#messaging';
import { asFailure, clientOf, csvTextOf, fail, SITE, type Failure, type Injector, type Site } from '#platform';
import { AdministrationDesk, type Recorded } from '../administration/administration-desk.js';
import { contrastPlanIdOf } from '../contrast-plan.decider.js';
import { readInjectorFile, type ReportedInjection } from './injector-csv.js';

/** What became of one line. */
interface LineResult {
  line: number;
  /** The injector's own number, where the line has one. */
  number?: string;
  outcome: Recorded['outcome'] | 'refused';
  /** Of the MedicationAdministration. */
  id?: string;
  code?: string;
  /** Our column, or the element of the administration. */
  field?: string;
  reason?: string;
}

/** Takes files of what injectors gave, each line on its own. */
@ApiTags('injectors')
@Controller('injector-reports')
export class InjectorReportsController {
  constructor(
    @Inject(AdministrationDesk) private readonly desk: AdministrationDesk,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(SITE) private readonly site: Site,
  ) {}

  @ApiOperation({
    summary: 'What an injector gave, as CSV: number, order, start, volume, and more; what became of each line is told',
  })
  @ApiConsumes('text/csv')
  @ApiQuery({ name: 'injector', required: false, description: 'Its name in the site file; else that of the client' })
  @Post()
  @HttpCode(200)
  async report(@Query('injector') name: string | undefined, @Req() request: Request): Promise<{ lines: LineResult[] }> {
    const client = clientOf(request);
    const injector = this.injectorOf(name, client);
    const { injections, refused } = readInjectorFile(await csvTextOf(request), injector, this.site.timeZone);
    const lines = refused.map(({ line, number, failure }) =>
      refusedLine({ line, ...(number ? { number } : {}) }, failure),
    );
    for (const one of injections) lines.push(await this.record(one, client));
    return { lines: lines.sort((a, b) => a.line - b.line) };
  }

  private injectorOf(name: string | undefined, client: string): Injector {
    const { injectors } = this.site;
    const injector = injectors.find((one) => (name === undefined ? one.client === client : one.name === name));
    if (!injector)
      throw fail('value-unknown', 'must be the name of one of injectors in the site file', { field: 'injector' });
    return injector;
  }

  /** A line that is wrong is told; what fails for us, such as the database, fails the file, which may be sent again. */
  private async record(
    { line, number, order, administration }: ReportedInjection,
    client: string,
  ): Promise<LineResult> {
    try {
      const planId = await this.planOf(order);
      const body = {
        ...administration,
        subject: administration.subject ?? { type: 'Patient' },
        request: { reference: `MedicationRequest/${planId}` },
      };
      const recorded = await this.desk.record(this.desk.read(body, 'injector'), { by: 'injector', client });
      return { line, number, outcome: recorded.outcome, id: recorded.administration.id! };
    } catch (error) {
      const failure = asFailure(error);
      if (failure.fate !== 'refuse') throw error;
      return refusedLine({ line, number }, failure);
    }
  }

  /** The contrast record of the order with this number, whichever of its numbers it is. */
  private async planOf(order: string): Promise<string> {
    const found = await this.unitOfWork.run(undefined, ({ manager }) =>
      this.store.withIdentifier(manager, 'ServiceRequest', undefined, order),
    );
    if (found.length === 0) throw fail('unknown-key', 'there is no order with this number', { field: 'order' });
    if (found.length > 1)
      throw fail('duplicate-key', 'several orders have this number: send the accession number', { field: 'order' });
    return contrastPlanIdOf(found[0]!.id!);
  }
}

function refusedLine(of: { line: number; number?: string }, { code, field, message }: Failure): LineResult {
  return { ...of, outcome: 'refused', code, ...(field ? { field } : {}), reason: message };
}
