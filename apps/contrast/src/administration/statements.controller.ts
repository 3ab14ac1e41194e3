import { Controller, Get, Inject, Param, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { clientOf } from '#platform';
import { AdministrationDesk } from './administration-desk.js';
import type { KeptStatement } from './statements.store.js';

/** Who said what of an administration. */
@ApiTags('administrations')
@Controller('administrations')
export class StatementsController {
  constructor(@Inject(AdministrationDesk) private readonly desk: AdministrationDesk) {}

  @ApiOperation({
    summary: 'What a person and an injector said of one administration, each as it was stated and corrected',
  })
  @Get(':id/statements')
  async statements(@Param('id') id: string, @Req() request: object): Promise<{ statements: KeptStatement[] }> {
    return { statements: await this.desk.statementsOf(id, { by: 'person', client: clientOf(request) }) };
  }
}
