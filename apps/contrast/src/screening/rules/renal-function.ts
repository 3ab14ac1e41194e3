import { outcomes, type Consequence, type RuleOf } from '../../policy/contrast-policy.js';
import { ageInYears, type Bounded } from '../facts.js';
import { doesNotApply, goOn, stateOf, type RuleContext, type RuleInput, type RuleResult } from './rule-result.js';
import { mayBeAtLeast, mayBeBelow, usableEgfr } from './usable-egfr.js';

/** Renal function by bands of eGFR; who needs a value and has none that is fresh, is asked about. */
export function renalFunctionRule(rule: RuleOf<'renal-function'>, context: RuleContext): RuleResult {
  const except = rule.notWith === undefined ? undefined : stateOf(context, rule.notWith);
  if (except?.known?.value === 'yes') return doesNotApply(`${except.display}: the eGFR says nothing`, except.input);
  const { egfr, problem, inputs } = usableEgfr(context, rule.maxAgeDays);
  if (egfr) {
    const then = ofBands(rule.bands, egfr);
    return { then, why: then === goOn ? 'the eGFR is above all bands' : 'the eGFR is in a band of the policy', inputs };
  }
  const why = `there is no eGFR to go by (${problem})`;
  const need = needOf(rule, context);
  const all = [...inputs, ...need.inputs];
  if (need.is === 'no') return { then: goOn, why: `${why}, and none is needed`, inputs: all };
  if (need.is === 'unknown')
    return {
      then: rule.whenNeedUnknown ?? rule.whenNoValue,
      why: `${why}, and whether one is needed is not known`,
      inputs: all,
    };
  return { then: rule.whenNoValue, why, inputs: all };
}

/** The worst band a value may be in; a bound such as `<60` may be in several. */
function ofBands(bands: RuleOf<'renal-function'>['bands'], egfr: Bounded): Consequence {
  const possible = bands
    .filter(({ below }, index) => mayBeBelow(egfr, below) && mayBeAtLeast(egfr, bands[index - 1]?.below ?? 0))
    .map(({ then }) => then);
  const rank = ({ outcome }: Consequence) => outcomes.indexOf(outcome);
  return possible.sort((a, b) => rank(b) - rank(a))[0] ?? goOn;
}

function needOf(
  { neededBy }: RuleOf<'renal-function'>,
  context: RuleContext,
): { is: 'yes' | 'no' | 'unknown'; inputs: RuleInput[] } {
  if (neededBy === 'everybody') return { is: 'yes', inputs: [] };
  const states = neededBy.history.map((name) => stateOf(context, name));
  const { birthDate } = context.facts;
  const age = ageInYears(birthDate, context.exam.at);
  const inputs = [
    ...states.map(({ input }) => input),
    ...(neededBy.fromYears === undefined ? [] : [{ name: 'birth date', value: birthDate ?? 'unknown' }]),
  ];
  const isOld = neededBy.fromYears === undefined ? false : age === undefined ? undefined : age >= neededBy.fromYears;
  if (isOld || states.some(({ known }) => known && known.value !== 'no')) return { is: 'yes', inputs };
  return { is: isOld === undefined || states.some(({ known }) => !known) ? 'unknown' : 'no', inputs };
}
