import type { ContrastPolicy, Product } from '../policy/contrast-policy.js';

/** A package that the policy knows by its GTIN, with the product in it. */
export type KnownPackage = Omit<Product, 'packages'> & Product['packages'][number];

/** The package with this GTIN (14 digits); undefined if the policy has none. */
export function packageOf(gtin: string | undefined, policy: ContrastPolicy | undefined): KnownPackage | undefined {
  for (const { packages, ...product } of policy?.products ?? []) {
    const found = packages.find((one) => one.gtin === gtin);
    if (found) return { ...product, ...found };
  }
  return undefined;
}
