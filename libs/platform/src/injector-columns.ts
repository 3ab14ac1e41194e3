/** The columns of a file of injections (apps/contrast/README.md); a site names those its injectors' vendors write otherwise. */
export const injectorColumns = [
  'number',
  'order',
  'start',
  'volume',
  'end',
  'status',
  'agent',
  'lot',
  'barcode',
  'rate',
  'route',
  'patient',
  'operator',
  'planned-volume',
  'planned-rate',
  'saline-volume',
  'saline-planned-volume',
  'saline-rate',
  'saline-planned-rate',
  'peak-pressure',
  'pressure-limit',
  'extravasation-site',
  'extravasation-volume',
] as const;
/** One of them. */
export type InjectorColumn = (typeof injectorColumns)[number];
