import type { MedicationRequest, ServiceRequest } from 'fhir/r4.js';
import { AService, until } from '#testing';
import { contrastPlanIdOf } from './contrast-plan.decider.js';
import { ContrastModule, contrastMigrations } from './contrast.module.js';

/** The contrast service in this process; what specs share, no spec. */
export class AContrastService extends AService {
  /** @param policyFile the site's contrast policy; none unless given */
  static start(policyFile?: string): Promise<AContrastService> {
    const service = new AContrastService({
      service: 'contrast',
      module: ContrastModule,
      migrations: contrastMigrations,
    });
    if (policyFile) service.infrastructure.contrastPolicyFile = policyFile;
    return service.begin();
  }

  /** Waits for an order's contrast record in that status. */
  async planOf(order: ServiceRequest, status: MedicationRequest['status'] = 'active'): Promise<MedicationRequest> {
    return until(
      async () => {
        const response = await fetch(`${this.url}/fhir/MedicationRequest/${contrastPlanIdOf(order.id!)}`);
        const plan = (await response.json()) as MedicationRequest;
        return response.ok && plan.status === status && plan;
      },
      { what: `the contrast record to be ${status}` },
    );
  }
}
