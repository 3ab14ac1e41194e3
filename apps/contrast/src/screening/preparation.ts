import type { ContrastPolicy } from '../policy/contrast-policy.js';

const HOUR = 60 * 60 * 1000;

/** When the exam is, as far as it is booked, and how urgent it is. */
export interface ExamTime {
  booked: Date | undefined;
  isUrgent: boolean;
  /** The patient has arrived, or the exam is under way. */
  hasBegun: boolean;
}

/** One thing to do before or after the exam. */
export interface PreparationStep {
  preparation: string;
  index: number;
  do: string;
  /** Hours from the start of the exam. */
  atHours: number;
  forHours?: number;
  /** When, once the exam has a time that leaves time for it. */
  at?: Date;
}

/** What has to be done, and from when on the exam can be. */
export interface PreparationPlan {
  names: string[];
  steps: PreparationStep[];
  /** Since when it is known that it is needed; it cannot begin before. */
  since: Date;
  readyFrom: Date;
  /** False where the exam is booked before {@link readyFrom}. */
  fits: boolean;
}

/** Hours from the first step of a preparation to the exam. */
export function leadHours({ steps }: ContrastPolicy['preparations'][string]): number {
  return Math.max(0, ...steps.map(({ atHours }) => -atHours));
}

/**
 * Of each list of alternatives the first that can still be done before the exam; where none can, the one the policy
 * prefers, or of an urgent exam the quickest, and the exam has to wait for it.
 *
 * @param alternatives one list for each rule that asks for a preparation
 * @returns undefined if nothing has to be done
 */
export function planPreparation(
  alternatives: readonly (readonly string[])[],
  { preparations }: ContrastPolicy,
  exam: ExamTime,
  since: Date,
): PreparationPlan | undefined {
  if (alternatives.length === 0) return undefined;
  const lead = (name: string) => leadHours(preparations[name]!);
  const { booked, isUrgent } = exam;
  const canBeDone = (name: string) => booked === undefined || since.getTime() + lead(name) * HOUR <= booked.getTime();
  const quickest = (names: readonly string[]) => names.reduce((a, b) => (lead(b) < lead(a) ? b : a));
  const chosen = alternatives.map((names) => names.find(canBeDone) ?? (isUrgent ? quickest(names) : names[0]!));
  const names = [...new Set(chosen)];
  const readyFrom = new Date(since.getTime() + Math.max(...names.map(lead)) * HOUR);
  const fits = booked === undefined || booked >= readyFrom;
  const steps = names.flatMap((preparation) =>
    preparations[preparation]!.steps.map((step, index) => ({
      preparation,
      index,
      ...step,
      ...(booked && fits ? { at: new Date(booked.getTime() + step.atHours * HOUR) } : {}),
    })),
  );
  return { names, steps, since, readyFrom, fits };
}
