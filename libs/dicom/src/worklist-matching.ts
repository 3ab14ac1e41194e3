import { Dataset, emptyElement, type Element } from './dataset.js';
import { tagOf, type Keyword } from './dictionary.js';

type Match = (item: string, query: string) => boolean;

const step = 'ScheduledProcedureStepSequence';

/** Matching keys beside date and time (PS3.4 table K.6-1), each with its kind of matching (PS3.4 section C.2.2.2). */
const keys: Partial<Record<Keyword, Match>> = {
  PatientName: matchesName,
  PatientID: matchesWildcard,
  AccessionNumber: matchesWildcard,
  RequestedProcedureID: matchesWildcard,
  PlacerOrderNumberImagingServiceRequest: matchesWildcard,
};
const stepKeys: Partial<Record<Keyword, Match>> = {
  ScheduledStationAETitle: matchesWildcard,
  Modality: matchesWildcard,
  ScheduledPerformingPhysicianName: matchesName,
  ScheduledProcedureStepID: matchesWildcard,
  ScheduledProcedureStepStatus: matchesWildcard,
};
const otherMatched: Keyword[] = [
  'StudyInstanceUID',
  'SpecificCharacterSet',
  step,
  'ScheduledProcedureStepStartDate',
  'ScheduledProcedureStepStartTime',
];
const matchedTags = new Set(
  [...Object.keys(keys), ...Object.keys(stepKeys), ...otherMatched].map((one) => tagOf(one as Keyword)),
);

/**
 * Whether a worklist item is what a query asks for. Only the keys listed here match; a value of any other key is
 * ignored, which {@link hasUnsupportedKeys} tells (status FF01).
 */
export function worklistItemMatches(item: Dataset, query: Dataset): boolean {
  if (!matchesKeys(item, query, keys)) return false;
  const uids = query.texts('StudyInstanceUID').filter(Boolean);
  if (uids.length > 0 && !uids.includes(item.text('StudyInstanceUID') ?? '')) return false;
  const asked = query.items(step)[0];
  return !asked || item.items(step).some((one) => matchesKeys(one, asked, stepKeys) && matchesStart(one, asked));
}

/**
 * Whether a query gives a value for a key that does not match here (PS3.4 section C.2.2.1.3: it is taken as empty). Keys
 * that are asked for without a value are answered, empty where there is nothing, and never count.
 */
export function hasUnsupportedKeys(query: Dataset): boolean {
  return query
    .elements()
    .some((element) =>
      element.vr === 'SQ' && element.tag === tagOf(step)
        ? query.items(step).some(hasUnsupportedKeys)
        : element.vr === 'SQ'
          ? query.items(element.tag).some((item) => item.elements().some((one) => asksForValue(item, one)))
          : asksForValue(query, element) && !matchedTags.has(element.tag),
    );
}

/**
 * A binary 0 asks for nothing: it is what dcmjs writes for a number without a value, such as an empty Pregnancy Status.
 * To call that unsupported costs its users every match but the first, since it takes FF01 for the last answer.
 */
function asksForValue(dataset: Dataset, { tag, values }: Element): boolean {
  return dataset.hasValue(tag) && !(values as readonly unknown[]).every((value) => value === 0);
}

/**
 * What a query gets of an item: the attributes it names and no others; one that the item does not have comes back
 * empty. An empty sequence asks for the whole of it.
 */
export function worklistResponse(item: Dataset, query: Dataset): Dataset {
  const response = new Dataset();
  for (const asked of query.elements()) {
    if (asked.tag === tagOf('SpecificCharacterSet')) continue;
    const known = item.element(asked.tag);
    response.put(known ? narrowed(known, asked, item, query) : emptyElement(asked.tag, asked.vr));
  }
  return response;
}

function narrowed(known: Element, asked: Element, item: Dataset, query: Dataset): Element {
  const filter = asked.vr === 'SQ' ? query.items(asked.tag)[0] : undefined;
  if (!filter || filter.size === 0) return known;
  return { ...known, values: item.items(known.tag).map((one) => worklistResponse(one, filter)) };
}

function matchesKeys(item: Dataset, query: Dataset, table: Partial<Record<Keyword, Match>>): boolean {
  return (Object.entries(table) as [Keyword, Match][]).every(([key, matches]) => {
    const asked = query.texts(key).filter(Boolean);
    if (asked.length === 0) return true;
    // Of several values, such as the stations a step may go to, any one does.
    const values = item.hasValue(key) ? item.texts(key) : [''];
    return values.some((value) => asked.some((one) => matches(value, one)));
  });
}

/**
 * Single value or wildcard matching: `*` any characters, `?` any one. Takes no more steps than the product of both
 * lengths: the pattern comes from the network, and a regular expression of many stars could stop the process.
 */
function matchesWildcard(item: string, query: string): boolean {
  if (!/[*?]/.test(query)) return item === query;
  const value = [...item];
  const pattern = [...query];
  let at = 0;
  let wanted = 0;
  // Where the last star stands, and how far what it stands for reaches; an earlier star never has to give again.
  let star = -1;
  let reach = 0;
  while (at < value.length) {
    if (pattern[wanted] === '*') {
      star = wanted++;
      reach = at;
    } else if (wanted < pattern.length && (pattern[wanted] === '?' || pattern[wanted] === value[at])) {
      at++;
      wanted++;
    } else if (star >= 0) {
      wanted = star + 1;
      at = ++reach;
    } else return false;
  }
  return pattern.slice(wanted).every((one) => one === '*');
}

/**
 * Names: case does not count; a query without `=` may match any component group, one with it must match each group it
 * names. Trailing empty components do not count.
 */
function matchesName(item: string, query: string): boolean {
  const groups = item.split('=').map(comparableName);
  const asked = query.split('=').map(comparableName);
  if (asked.length === 1) return groups.some((group) => matchesWildcard(group, asked[0]!));
  return asked.every((pattern, index) => pattern === '' || matchesWildcard(groups[index] ?? '', pattern));
}

function comparableName(name: string): string {
  const trimmed = name.trim();
  let end = trimmed.length;
  while (trimmed[end - 1] === '^') end--;
  return trimmed.slice(0, end).toLowerCase();
}

/**
 * Date and time of the start. Where both are asked for they are one range: from the first date at the first time to the
 * last date at the last time (PS3.4 section K.6.1.2.2).
 */
function matchesStart(item: Dataset, query: Dataset): boolean {
  // YYYY.MM.DD is how dates once were written (PS3.5 section 6.2).
  const date = rangeOf(query.text('ScheduledProcedureStepStartDate')?.replaceAll('.', ''));
  const time = rangeOf(query.text('ScheduledProcedureStepStartTime'));
  if (!date && !time) return true;
  const itemDate = item.text('ScheduledProcedureStepStartDate') ?? '';
  const itemTime = digits(item.text('ScheduledProcedureStepStartTime') ?? '')
    .padEnd(6, '0')
    .slice(0, 6);
  const from = digits(time?.[0] ?? '')
    .padEnd(6, '0')
    .slice(0, 6);
  const to = digits(time?.[1] ?? '')
    .padEnd(6, '9')
    .slice(0, 6);
  if (!date) return item.hasValue('ScheduledProcedureStepStartTime') && itemTime >= from && itemTime <= to;
  const at = itemDate + itemTime;
  const first = date[0] ? date[0] + from : '';
  const last = date[1] ? date[1] + to : '9';
  return itemDate !== '' && at >= first && at <= last;
}

/** `a`, `a-`, `-b` or `a-b`; an open end is undefined. */
function rangeOf(text: string | undefined): [string | undefined, string | undefined] | undefined {
  if (!text) return undefined;
  const [from = '', to] = text.split('-').map((part) => part.trim());
  return to === undefined ? [from, from] : [from || undefined, to || undefined];
}

function digits(text: string): string {
  return text.replace(/\D/g, '');
}
