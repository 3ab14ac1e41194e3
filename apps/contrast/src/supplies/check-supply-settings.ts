import { Inject, Injectable } from '@nestjs/common';
import { INFRASTRUCTURE, SITE, SiteFileInvalid, type Infrastructure, type Site } from '#platform';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';

/** Refuses to start where the site wants to be told of an agent that the contrast policy does not have. */
@Injectable()
export class CheckSupplySettings {
  constructor(
    @Inject(SITE) site: Site,
    @Inject(CONTRAST_POLICY) policy: ContrastPolicy | undefined,
    @Inject(INFRASTRUCTURE) { siteFile }: Infrastructure,
  ) {
    const mistakes = unknownAgents(site, policy);
    if (mistakes.length > 0) throw new SiteFileInvalid(siteFile, mistakes);
  }
}

/** What of the site file does not agree with the policy, as `path: reason`; without a policy nothing is known of agents. */
export function unknownAgents({ supplies }: Site, policy: ContrastPolicy | undefined): string[] {
  if (!policy) return [];
  const stocked = policy.products.map(({ agent }) => agent);
  return supplies.low.flatMap(({ agent }, index) =>
    stocked.includes(agent)
      ? []
      : [`supplies.low.${index}.agent: is the agent of no product of the contrast policy: ${agent}`],
  );
}
