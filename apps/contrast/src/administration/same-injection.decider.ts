import type { MedicationAdministration } from 'fhir/r4.js';
import { conceptText } from '#fhir';
import { wasGiven } from '../contrast-plan.decider.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { agentOf } from '../screening/planned-contrast.js';
import { millilitresOf } from './quantities.js';
import { agentConceptOf, startOf } from './read-administration.js';

/** What one of them, a person or an injector, says was given. */
export interface Statement {
  /** Made of the number it was stated under. */
  id: string;
  planId: string;
  by: 'person' | 'injector';
  /** Statements whose content it has taken in for good: somebody who saw both corrected them as one. */
  settles: readonly string[];
  administration: MedicationAdministration;
}

/** What a person and an injector said of one injection, or one of them alone. */
export interface Injection {
  person?: Statement;
  injector?: Statement;
}

/**
 * Which statements of a plan are of one injection. A person's and an injector's are, if their agents do not differ and
 * their times are near; among several, volumes that agree go before times that are nearer. Each statement is of one
 * injection, so that a test bolus and the main one stay two. It does not matter in which order the statements came.
 *
 * @param policy without `administration` nothing is taken for the same
 */
export function injectionsOf(statements: readonly Statement[], policy: ContrastPolicy | undefined): Injection[] {
  const settled = new Set(statements.flatMap(({ settles }) => settles));
  const standing = statements.filter(({ id }) => !settled.has(id));
  const open = standing.filter(({ settles, administration }) => settles.length === 0 && wasGiven(administration));
  const pairs = open
    .filter(({ by }) => by === 'person')
    .flatMap((person) => open.flatMap((other) => pairOf(person, other, policy) ?? []))
    .sort(byLikeness);
  const taken = new Set<string>();
  const together = pairs.flatMap(({ person, injector }): Injection[] => {
    if (taken.has(person.id) || taken.has(injector.id)) return [];
    taken.add(person.id).add(injector.id);
    return [{ person, injector }];
  });
  const alone = standing.filter(({ id }) => !taken.has(id)).map((one): Injection => ({ [one.by]: one }));
  return [...together, ...alone];
}

interface Pair {
  person: Statement;
  injector: Statement;
  /** Volumes differ by more than the policy lets pass. */
  differs: boolean;
  gapMs: number;
  apartMl: number;
}

function pairOf(person: Statement, injector: Statement, policy: ContrastPolicy | undefined): Pair | undefined {
  const same = policy?.administration?.sameInjection;
  if (!same || injector.by !== 'injector' || !mayBeSameAgent(person.administration, injector.administration, policy))
    return undefined;
  const gapMs = gapBetween(person.administration, injector.administration);
  if (gapMs === undefined || gapMs > same.withinMinutes * 60_000) return undefined;
  const [ours, theirs] = [person, injector].map(({ administration }) => millilitresOf(administration.dosage?.dose));
  const apartMl = ours === undefined || theirs === undefined ? 0 : Math.abs(ours - theirs);
  return { person, injector, gapMs, apartMl, differs: apartMl > same.doseMl };
}

/** A total order by content alone, so that the same pairs come first however the statements came. */
function byLikeness(a: Pair, b: Pair): number {
  return (
    Number(a.differs) - Number(b.differs) ||
    a.gapMs - b.gapMs ||
    a.apartMl - b.apartMl ||
    (a.person.id + a.injector.id < b.person.id + b.injector.id ? -1 : 1)
  );
}

/** An injector often does not know what is in its syringe: only two agents that are known can differ. */
function mayBeSameAgent(a: MedicationAdministration, b: MedicationAdministration, policy: ContrastPolicy): boolean {
  const [one, other] = [a, b].map((administration) => {
    const concept = agentConceptOf(administration);
    return agentOf(concept.coding ?? [], conceptText(concept), policy)?.display;
  });
  return !one || !other || one === other;
}

/** Milliseconds between two injections, 0 if they overlap; undefined where one is not stated to the minute. */
function gapBetween(a: MedicationAdministration, b: MedicationAdministration): number | undefined {
  const spans = [a, b].map((one) => {
    const start = startOf(one);
    if (!start?.includes('T')) return undefined;
    const from = Date.parse(start);
    return { from, to: Math.max(from, Date.parse(one.effectivePeriod?.end ?? start) || from) };
  });
  const [one, other] = spans;
  return one && other && Math.max(0, one.from - other.to, other.from - one.to);
}
