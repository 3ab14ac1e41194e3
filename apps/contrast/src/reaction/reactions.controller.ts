import { Body, Controller, Headers, Inject, Param, Post, Put, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { answerWrite, assertIdOfUrl, versionCorrected } from '#fhir';
import { clientOf } from '#platform';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { ReactionDesk } from './reaction-desk.js';
import { readReaction } from './read-reaction.js';

/** Takes reactions to contrast and extravasations, and corrections of them, as FHIR R4 AdverseEvent. */
@ApiExcludeController()
@Controller('fhir/AdverseEvent')
export class ReactionsController {
  constructor(
    @Inject(ReactionDesk) private readonly desk: ReactionDesk,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
  ) {}

  /** 201 with the new reaction; 200 if it was recorded before with the same content. */
  @Post()
  async create(@Body() body: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const { outcome, reaction } = await this.desk.record(readReaction(body, this.policy), clientOf(request));
    answerWrite(request, response, outcome === 'new' ? 201 : 200, reaction);
  }

  /** Corrects a reaction; `If-Match` must name the version the correction was made from. */
  @Put(':id')
  async correct(
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    assertIdOfUrl('AdverseEvent', id, body);
    const stated = readReaction(body, this.policy);
    const version = versionCorrected(ifMatch);
    const { reaction } = await this.desk.correct(id, stated, version, clientOf(request));
    answerWrite(request, response, 200, reaction);
  }
}
