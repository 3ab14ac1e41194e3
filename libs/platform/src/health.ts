import { Controller, Get, Inject, Injectable, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import { HoldsNoPatient } from './holds-no-patient.js';
import { Metrics } from './metrics.js';

/** A check that has not answered by then counts as failing; orchestrators themselves wait about that long. */
const CHECK_MS = 2_000;

/** Whether this process can do its work now: every part that depends on something else adds its own check. */
@Injectable()
export class Readiness {
  private readonly checks = new Map<string, () => Promise<void> | void>();

  /** @param check resolves if ready, rejects if not; without an answer within two seconds it counts as not */
  add(name: string, check: () => Promise<void> | void): void {
    this.checks.set(name, check);
  }

  /** The names of the checks that fail now. */
  async failing(): Promise<string[]> {
    const outcomes = await Promise.allSettled([...this.checks.values()].map((check) => inTime(check)));
    const names = [...this.checks.keys()];
    return outcomes.flatMap((outcome, index) => (outcome.status === 'rejected' ? [names[index]!] : []));
  }
}

async function inTime(check: () => Promise<void> | void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), CHECK_MS);
  });
  try {
    await Promise.race([late, (async () => check())()]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Whether this process must be restarted. Only its own state counts, never a dependency's: a restart does not mend
 * Kafka.
 */
@Injectable()
export class Liveness {
  private reason?: string;
  /** Says that only a restart can help, with the reason. */
  fail(reason: string): void {
    this.reason = reason;
  }
  get failure(): string | undefined {
    return this.reason;
  }
}

/** What an orchestrator asks: /health/live, /health/ready, /metrics. Open without a token; they hold no patient data. */
@HoldsNoPatient('whether the process can work, and how much it works')
@ApiExcludeController()
@Controller()
export class HealthController {
  constructor(
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(Liveness) private readonly liveness: Liveness,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  @Get('health/live')
  live(@Res() response: Response): void {
    const reason = this.liveness.failure;
    response.status(reason ? 503 : 200).json(reason ? { status: 'stuck', reason } : { status: 'alive' });
  }

  @Get('health/ready')
  async ready(@Res() response: Response): Promise<void> {
    const failing = await this.readiness.failing();
    response
      .status(failing.length > 0 ? 503 : 200)
      .json(failing.length > 0 ? { status: 'not ready', failing } : { status: 'ready' });
  }

  @Get('metrics')
  async scrape(@Res() response: Response): Promise<void> {
    response.type(this.metrics.registry.contentType).send(await this.metrics.registry.metrics());
  }
}
