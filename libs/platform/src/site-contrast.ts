import { z } from 'zod';
import { injectorColumns } from './injector-columns.js';
import { aeTitle, text, uri, zone } from './site-values.js';

export const lowStock = z.strictObject({
  /** A room of a station, or a store. */
  room: text,
  /** Name of an agent in the contrast policy. */
  agent: text,
  /** Low at that many millilitres or fewer, unopened and left in what is open, */
  lowMl: z.number().min(0).optional(),
  /** or at that many unopened containers or fewer. */
  lowContainers: z.int().min(0).optional(),
});

export const injector = z.strictObject({
  /** What its reports are sent as: `?injector=<name>`. */
  name: text,
  /** Whose token its own software sends with: what comes by it is said by the injector, not by a person. */
  client: text.optional(),
  /** Identifier system of its own numbers. */
  system: uri,
  /** As whom it reports by DICOM (Performed Imaging Agent Administration SR); by DICOM it does not unless given. */
  aeTitle: aeTitle.optional(),
  /** The station it stands at, by AE title. */
  station: aeTitle.optional(),
  /** Of times without one; the site's unless given. */
  timeZone: zone.optional(),
  /** Our column → the one its vendor writes; a column of ours needs no row. */
  columns: z.partialRecord(z.enum(injectorColumns), text).default({}),
  /** Values of a column of ours: what its vendor writes → what is meant. */
  values: z.partialRecord(z.enum(injectorColumns), z.record(text, text)).default({}),
  /** Of its pressures. */
  pressureUnit: z.enum(['kPa', 'psi', 'bar']).default('kPa'),
});
