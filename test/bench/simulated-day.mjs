import { chooseSlot } from '../../dist/apps/scheduling/src/booking/slot.decider.js';
import { requestedSteps } from '../../dist/apps/scheduling/src/booking/requested-steps.decider.js';
import { checkSite } from '#platform';

/**
 * One day of a department, minute by minute, twice: as the scheduling service books it, and first come, first served. Both
 * get the same orders at the same times, and the same exams take the same time, longer or shorter than planned. Decides by
 * the service's own functions; no database, no clock. `npm run simulate-day -- [days] [seed]`.
 */
const MINUTE = 60_000;
const midnight = Date.parse('2026-03-02T00:00:00Z');
const [opens, closes] = [7 * 60, 19 * 60];
const lanes = ['stat', 'emergency', 'inpatient', 'outpatient'];

const site = checkSite({
  name: 'Simulated Hospital',
  timeZone: 'UTC',
  accession: { prefix: 'SIM', digits: 8 },
  authorities: { SIM: 'urn:oid:2.25.1' },
  patientAuthority: 'SIM',
  senders: [{ application: 'EMR', facility: 'SIM', sends: ['orders'] }],
  procedures: [
    { code: 'CT', display: 'CT', modality: 'CT', durationMinutes: 20, durations: { inpatient: 25 } },
    { code: 'DX', display: 'X-ray', modality: 'DX', durationMinutes: 10 },
    { code: 'MR', display: 'MRI', modality: 'MR', durationMinutes: 30, turnoverMinutes: 5 },
  ],
  stations: ['CT1 CT', 'CT2 CT', 'DX1 DX', 'DX2 DX', 'MR1 MR'].map((one) => {
    const [aeTitle, modality] = one.split(' ');
    return { aeTitle, name: aeTitle, modalities: [modality], room: aeTitle, opens: '07:00', closes: '19:00' };
  }),
  pacs: { name: 'pacs', qidoUrl: 'http://127.0.0.1:9/dicom-web' },
  identity: { application: 'COLLIMATOR', facility: 'SIM' },
});

/** How many orders of a lane come in a day, for each station of the modality. */
const perStation = {
  CT: { stat: 3, emergency: 6, inpatient: 8, outpatient: 14 },
  DX: { stat: 3, emergency: 12, inpatient: 16, outpatient: 24 },
  MR: { stat: 1, emergency: 2, inpatient: 4, outpatient: 14 },
};

/** Orders of a day: when they come, what they ask, how long the exam really takes. */
function ordersOf(random) {
  const orders = [];
  for (const [modality, counts] of Object.entries(perStation))
    for (const [lane, count] of Object.entries(counts))
      for (let n = 0; n < count * site.stations.filter((one) => one.modalities.includes(modality)).length; n++) {
        // Outpatients' orders come from early morning on; the others' over the opening hours.
        const comes = Math.floor(
          lane === 'outpatient' ? 5 * 60 + random() * 10 * 60 : opens + random() * (closes - opens - 60),
        );
        orders.push({ id: `${modality}-${lane}-${n}`, modality, lane, comes, stretch: 0.7 + random() * 0.7 });
      }
  return orders.sort((a, b) => a.comes - b.comes || a.id.localeCompare(b.id));
}

function stepOf({ id, modality, lane }, now) {
  const order = {
    resourceType: 'ServiceRequest',
    id,
    status: 'active',
    intent: 'order',
    priority: { stat: 'stat', emergency: 'urgent' }[lane] ?? 'routine',
    code: { coding: [{ system: 'urn:collimator:procedure', code: modality }] },
    subject: { reference: `Patient/${id}` },
    authoredOn: now.toISOString(),
  };
  const encounter = {
    resourceType: 'Encounter',
    status: 'in-progress',
    class: { code: lane === 'inpatient' ? 'IMP' : 'AMB' },
  };
  return requestedSteps(order, site, { encounter })[0];
}

/** Plays the day. @param {boolean} isServed whether lanes count; else whoever comes first is served first */
function play(orders, isServed) {
  const bookings = new Map();
  const running = new Map();
  const done = [];
  let moves = 0;
  const busy = new Map(site.stations.map(({ aeTitle }) => [aeTitle, 0]));
  const book = (order, now, from) => {
    const step = stepOf(order, now);
    const asked = from ? { ...step, notBefore: new Date(Math.max(from, now)).toISOString() } : step;
    // First come, first served: as everybody in a lane that goes before nobody.
    const plain = isServed ? asked : { ...asked, lane: 'inpatient', isStat: false };
    const upcoming = [...bookings.values()].map((one) => ({
      ...one,
      lane: one.order.lane,
      hasBegun: running.get(one.aeTitle)?.order.id === one.appointmentId,
      isOurs: true,
    }));
    const slot = chooseSlot(plain, { taken: upcoming, upcoming }, site, now);
    const displaced = (slot.displaces ?? []).map((id) => bookings.get(id));
    for (const one of displaced) bookings.delete(one.appointmentId);
    const end = new Date(slot.end.getTime() + step.turnoverMinutes * MINUTE);
    const given = bookings.get(order.id)?.given ?? order.given ?? slot.start;
    order.given = given;
    bookings.set(order.id, {
      order,
      aeTitle: slot.station.aeTitle,
      appointmentId: order.id,
      start: slot.start,
      end,
      turnover: step.turnoverMinutes,
      lasting: step.durationMinutes,
    });
    for (const one of displaced.sort(
      (a, b) => lanes.indexOf(a.order.lane) - lanes.indexOf(b.order.lane) || a.start - b.start,
    )) {
      moves++;
      book(one.order, now, one.start.getTime());
    }
  };
  let next = 0;
  for (let minute = 5 * 60; minute < 24 * 60; minute++) {
    const now = new Date(midnight + minute * MINUTE);
    for (; next < orders.length && orders[next].comes <= minute; next++) book(orders[next], now);
    for (const { aeTitle } of site.stations) {
      const exam = running.get(aeTitle);
      if (exam && exam.until <= minute) {
        running.delete(aeTitle);
        bookings.delete(exam.order.id);
      } else if (exam && bookings.get(exam.order.id).end <= now)
        // An exam that takes longer keeps its station.
        bookings.get(exam.order.id).end = new Date(now.getTime() + 5 * MINUTE);
      if (running.has(aeTitle)) continue;
      const [due] = [...bookings.values()]
        .filter((one) => one.aeTitle === aeTitle && one.start <= now)
        .sort((a, b) => a.start - b.start);
      if (!due) continue;
      const lasts = Math.max(1, Math.round(due.lasting * due.order.stretch));
      running.set(aeTitle, { order: due.order, until: minute + lasts + due.turnover });
      // An exam before its planned end gives the rest of its time back only when it is over.
      busy.set(
        aeTitle,
        busy.get(aeTitle) + (minute >= opens && minute < closes ? Math.min(lasts, closes - minute) : 0),
      );
      const since =
        due.order.lane === 'outpatient'
          ? Math.max(due.order.given.getTime(), midnight)
          : midnight + due.order.comes * MINUTE;
      done.push({ lane: due.order.lane, waited: (now.getTime() - since) / MINUTE });
    }
  }
  return {
    done,
    moves,
    left: bookings.size,
    idle: 1 - [...busy.values()].reduce((a, b) => a + b, 0) / (busy.size * (closes - opens)),
  };
}

/** A generator of numbers in [0, 1) from a seed (mulberry32), so that a day can be played again. */
function numbersFrom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const part = (values, share) =>
  values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];

/** Plays days both ways and sums them up. */
export function simulateDays(days, seed) {
  const random = numbersFrom(seed);
  const sums = { lanes: { done: [], moves: 0, left: 0, idle: 0 }, firstCome: { done: [], moves: 0, left: 0, idle: 0 } };
  for (let day = 0; day < days; day++) {
    const orders = ordersOf(random);
    for (const [name, sum] of Object.entries(sums)) {
      const played = play(
        orders.map((one) => ({ ...one })),
        name === 'lanes',
      );
      sum.done.push(...played.done);
      sum.moves += played.moves;
      sum.left += played.left;
      sum.idle += played.idle / days;
    }
  }
  return Object.fromEntries(
    Object.entries(sums).map(([name, { done, moves, left, idle }]) => {
      const waits = Object.fromEntries(
        lanes.map((lane) => {
          const waited = done.filter((one) => one.lane === lane).map((one) => one.waited);
          return [lane, { exams: waited.length, median: part(waited, 0.5), p95: part(waited, 0.95) }];
        }),
      );
      return [name, { waits, exams: done.length, moves, left, idle }];
    }),
  );
}

/** Lines for people. */
export function simulatedDayLines(days = 10, seed = 42) {
  const { lanes: ours, firstCome } = simulateDays(days, seed);
  const cell = ({ median, p95 }) => `${median} / ${p95} min`.padStart(16);
  return [
    `${days} simulated days, seed ${seed}: wait median / p95 by lane (from the order; outpatients: from the time they were given)`,
    `  ${'lane'.padEnd(12)}${'by lane'.padStart(16)}${'first come'.padStart(16)}`,
    ...lanes.map((lane) => `  ${lane.padEnd(12)}${cell(ours.waits[lane])}${cell(firstCome.waits[lane])}`),
    `  ${'idle'.padEnd(12)}${`${Math.round(ours.idle * 100)} %`.padStart(16)}${`${Math.round(firstCome.idle * 100)} %`.padStart(16)}   of the opening hours`,
    `  ${'exams done'.padEnd(12)}${String(ours.exams).padStart(16)}${String(firstCome.exams).padStart(16)}`,
    `  ${'moved'.padEnd(12)}${String(ours.moves).padStart(16)}${String(firstCome.moves).padStart(16)}   booked exams`,
    `  ${'left over'.padEnd(12)}${String(ours.left).padStart(16)}${String(firstCome.left).padStart(16)}   for the next day`,
  ];
}

if (process.argv[1]?.endsWith('simulated-day.mjs'))
  console.log(simulatedDayLines(Number(process.argv[2] ?? 10), Number(process.argv[3] ?? 42)).join('\n'));
