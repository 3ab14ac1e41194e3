import type { ContrastPolicy } from '../policy/contrast-policy.js';
import type { Packing } from './use.decider.js';

/** One package of a product of the policy, by the GTIN that is printed on it. */
export interface Package {
  /** 14 digits. */
  gtin: string;
  /** Name of the product. */
  product: string;
  /** Name of its agent in the policy. */
  agent: string;
  agentCodes: readonly { system: string; code: string }[];
  concentration: { value: number; unit: string };
  packing: Packing & { openDoses?: number | undefined };
}

/** The packages of the policy, by their GTIN; none where the site has no policy. */
export function packagesOf(policy: ContrastPolicy | undefined): ReadonlyMap<string, Package> {
  const packages = (policy?.products ?? []).flatMap(({ agent, display, concentration, packages: of }) =>
    of.map(({ gtin, volumeMl, kind, openHours, openDoses }): Package => {
      const codes = policy!.agents
        .find((one) => one.display === agent)!
        .codes.map(({ system, code }) => ({ system, code }));
      const packing = { size: Math.round(volumeMl * 1000), isSingleDose: kind === 'single-dose', openHours, openDoses };
      return { gtin, product: display, agent, agentCodes: codes, concentration, packing };
    }),
  );
  return new Map(packages.map((one) => [one.gtin, one]));
}
