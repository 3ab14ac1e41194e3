import { Body, Controller, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import { DataSource } from 'typeorm';
import { indexOf, recordAccess } from '#fhir';
import { Hl7Refusal } from '#hl7v2';
import type { ExplainedField } from '#mapping';
import { clientOf, CLOCK, fail, HoldsNoPatient, INFRASTRUCTURE, type Clock, type Infrastructure } from '#platform';
import { Hl7Intake, type Tried } from './hl7-intake.js';

/** What a message would become: for whoever connects a sender. Nothing of it is stored. */
@ApiTags('hl7 messages')
@Controller('hl7-messages')
export class TrialController {
  constructor(
    @Inject(Hl7Intake) private readonly intake: Hl7Intake,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @ApiOperation({ summary: 'What a message would become (acknowledgement, FHIR, events); nothing of it is stored' })
  @ApiConsumes('text/plain')
  @Post('try')
  @HttpCode(200)
  async try(@Body() body: unknown, @Req() request: object): Promise<Tried> {
    const tried = await this.intake.try(messageIn(body));
    // What is known of a patient shows in what a message would make of it.
    const references = tried.resources.map((one) => `${one.resourceType}/${one.id}`);
    const patientIds = [...new Set(tried.resources.flatMap((one) => indexOf(one).patient_id ?? []))];
    const access = {
      interaction: 'read' as const,
      client: clientOf(request),
      service: this.infrastructure.service,
      references,
      patientIds,
    };
    if (references.length > 0) await recordAccess(this.dataSource.manager, access, this.clock.now());
    return tried;
  }

  @ApiOperation({
    summary: 'Which field of a message makes which FHIR element, and by which row of the v2-to-FHIR guide',
  })
  @ApiConsumes('text/plain')
  @HoldsNoPatient('fields and rows of the message that was sent along, none of its values')
  @Post('explain')
  @HttpCode(200)
  explain(@Body() body: unknown): { fields: ExplainedField[] } {
    try {
      return { fields: this.intake.explain(messageIn(body)) };
    } catch (error) {
      if (!(error instanceof Hl7Refusal)) throw error;
      throw fail('field-invalid', `the message would be refused: ${error.message}`, { field: error.place ?? 'body' });
    }
  }
}

function messageIn(body: unknown): Buffer {
  if (Buffer.isBuffer(body) && body.length > 0) return body;
  throw fail('field-missing', 'send the HL7 message as text/plain', { field: 'body' });
}
