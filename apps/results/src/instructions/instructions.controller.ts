import { Body, Controller, Get, Headers, Inject, Param, Put, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Communication } from 'fhir/r4.js';
import { DataSource } from 'typeorm';
import { answerWrite, assertIdOfUrl, assertOwnNumber, recordAccess, systems, validateResource } from '#fhir';
import { CLOCK, clientOf, fail, type Clock } from '#platform';
import { InstructionDesk } from './instruction-desk.js';
import { numberOf } from './instruction.decider.js';
import { Instructions, instructionStates, type ListedInstruction } from './instructions.store.js';

/** What patients were told before and after their exams, and where a portal says that they have read it. */
@ApiTags('results')
@Controller()
export class InstructionsController {
  constructor(
    @Inject(InstructionDesk) private readonly desk: InstructionDesk,
    @Inject(Instructions) private readonly instructions: Instructions,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @ApiOperation({
    summary:
      'Instructions of patients by state: unread, read, withdrawn, or undelivered; the newest 500, without texts',
  })
  @Get('patient-instructions')
  async list(@Query('state') asked = 'unread', @Req() request: object): Promise<{ instructions: ListedInstruction[] }> {
    const state = instructionStates.find((one) => one === asked);
    if (!state) throw fail('field-invalid', `must be one of ${instructionStates.join(', ')}`, { field: 'state' });
    const instructions = await this.instructions.list(state);
    const access = {
      interaction: 'search-type' as const,
      client: clientOf(request),
      service: 'results',
      references: instructions.map(({ id }) => `Communication/${id}`),
      patientIds: [...new Set(instructions.map(({ patientId }) => patientId))],
      query: `state=${state}`,
    };
    await recordAccess(this.dataSource.manager, access, this.clock.now());
    return { instructions };
  }

  /** That a patient has read it: `received`, or status `completed`, with the text that was read. */
  @ApiExcludeEndpoint()
  @Put('fhir/Communication/:id')
  async read(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const stated = validateResource(body, 'Communication');
    assertIdOfUrl('Communication', id, body);
    await this.answer(id, stated, ifMatch, request, response);
  }

  /** The same for who knows it by its number, such as an EMR (FHIR R4 section 3.1.0.4.3); none is made. */
  @ApiExcludeEndpoint()
  @Put('fhir/Communication')
  async readWhere(
    @Query() query: Record<string, unknown>,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const stated = validateResource(body, 'Communication');
    const number = numberOf(stated);
    assertOwnNumber(query, { system: systems.instruction, value: number }, 'the number of the instruction in the body');
    await this.answer(number!, stated, ifMatch, request, response);
  }

  private async answer(
    id: string,
    stated: Communication,
    ifMatch: string | undefined,
    request: Request,
    response: Response,
  ) {
    answerWrite(request, response, 200, await this.desk.read(id, stated, ifMatch, clientOf(request)));
  }
}
