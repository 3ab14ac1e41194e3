import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import type {
  AllergyIntolerance,
  Condition,
  Encounter,
  FhirResource,
  MedicationRequest,
  Observation,
} from 'fhir/r4.js';
import { validateResource } from '#fhir';
import { CLOCK, fail, HoldsNoPatient, type Clock } from '#platform';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { checkPolicy, CONTRAST_POLICY, PolicyFileInvalid } from '../policy/load-policy.js';
import { factsOfPatient, noFacts } from './facts-of-patient.js';
import { plannedContrast } from './planned-contrast.js';
import { decideScreening, nothingStands } from './screening.decider.js';

/** What somebody who is to sign a policy off wants to try. */
interface Trial {
  /** A Patient and what is known of them: Observation, Condition, AllergyIntolerance, Encounter. */
  resources?: unknown;
  /** What is to be given: a MedicationRequest as the contrast record is. */
  plan?: unknown;
  /** ISO 8601; not booked unless given. */
  examAt?: unknown;
  urgent?: unknown;
  /** Another policy than the one in use, as JSON. */
  policy?: unknown;
}

const types = ['Patient', 'Observation', 'Condition', 'AllergyIntolerance', 'Encounter'] as const;

/** Screens invented facts, so that a policy can be tried before it is signed off. Nothing is stored or told. */
@HoldsNoPatient('what the facts sent along come to; nothing that is stored')
@Controller('screening')
export class ScreeningTrialsController {
  constructor(
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Post('try')
  @HttpCode(200)
  try(@Body() body: Trial) {
    const now = this.clock.now();
    const { resources, plan, examAt, urgent, policy: tried } = body ?? {};
    const policy = tried === undefined ? this.policy : policyOf(tried);
    const known = resourcesOf(resources);
    const of = <T extends FhirResource['resourceType']>(type: T) =>
      known.filter((one): one is Extract<FhirResource, { resourceType: T }> => one.resourceType === type);
    const [patient] = of('Patient');
    if (!patient) throw fail('field-missing', 'resources must hold a Patient', { field: 'resources' });
    if (!isPlan(plan))
      throw fail('field-missing', 'plan must be a MedicationRequest with what is to be given', { field: 'plan' });
    const time = { booked: timeOf(examAt), isUrgent: urgent === true, hasBegun: false };
    const record = {
      patient,
      encounter: of('Encounter')[0] as Encounter | undefined,
      observations: of('Observation') as Observation[],
      conditions: of('Condition') as Condition[],
      allergies: of('AllergyIntolerance') as AllergyIntolerance[],
    };
    const facts = policy ? factsOfPatient(record, policy, time.booked ?? now) : noFacts;
    const planned = plannedContrast(plan, policy);
    const { outcome, findings, preparation } = decideScreening(
      { planned, time, facts, standing: nothingStands },
      policy,
      now,
    );
    return {
      outcome,
      policy: policy ? { version: policy.version, edition: policy.edition, signedOff: policy.signedOff } : undefined,
      findings: findings.map(({ rule, outcome: found, preparations, why, inputs, source }) => ({
        rule,
        outcome: found,
        preparations,
        why,
        inputs,
        source,
      })),
      preparation,
    };
  }
}

function policyOf(content: unknown): ContrastPolicy {
  try {
    return checkPolicy(content);
  } catch (error) {
    if (!(error instanceof PolicyFileInvalid)) throw error;
    const [first, ...others] = error.mistakes.map((one) => fail('field-invalid', one, { field: 'policy' }));
    throw fail('field-invalid', first!.message, { field: 'policy', also: others });
  }
}

function resourcesOf(stated: unknown): FhirResource[] {
  if (!Array.isArray(stated)) throw fail('field-missing', 'resources must be a list', { field: 'resources' });
  return stated.map((one: unknown, index) => {
    const type = types.find((name) => (one as { resourceType?: unknown } | null)?.resourceType === name);
    if (!type)
      throw fail('field-invalid', `resources[${index}] must be one of ${types.join(', ')}`, {
        field: `resources[${index}]`,
      });
    return validateResource(one, type);
  });
}

function isPlan(plan: unknown): plan is MedicationRequest {
  const { resourceType, medicationCodeableConcept } = (plan ?? {}) as Partial<MedicationRequest>;
  return resourceType === 'MedicationRequest' && typeof medicationCodeableConcept === 'object';
}

function timeOf(stated: unknown): Date | undefined {
  if (stated === undefined) return undefined;
  const at = new Date(typeof stated === 'string' ? stated : NaN);
  if (Number.isNaN(at.getTime())) throw fail('field-invalid', 'must be an ISO 8601 time', { field: 'examAt' });
  return at;
}
