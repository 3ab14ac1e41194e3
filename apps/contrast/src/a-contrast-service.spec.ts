import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MedicationRequest, ServiceRequest } from 'fhir/r4.js';
import type { SiteContent } from '#platform';
import { AService, until } from '#testing';
import { contrastPlanIdOf } from './contrast-plan.decider.js';
import { ContrastModule, contrastMigrations } from './contrast.module.js';

/** The shipped example of a policy, signed off. */
export function signedPolicyFile(): string {
  const path = join(mkdtempSync(join(tmpdir(), 'collimator-policy-')), 'policy.yaml');
  const shipped = readFileSync('deploy/local/contrast-policy.yaml', 'utf8');
  writeFileSync(path, `signedOff: { by: 'Dr. Example', on: '2026-01-01' }\n${shipped}`);
  return path;
}

/** The contrast service in this process; what specs share, no spec. */
export class AContrastService extends AService {
  /** @param policyFile the site's contrast policy; none unless given */
  static start(policyFile?: string, site: Partial<SiteContent> = {}): Promise<AContrastService> {
    const parts = {
      service: 'contrast',
      module: ContrastModule,
      migrations: contrastMigrations,
      listeners: { dicom: { host: '127.0.0.1', port: 0, aeTitle: 'COLLIMATOR' } },
    };
    const service = new AContrastService(parts, site);
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
