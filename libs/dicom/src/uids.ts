/** SOP classes spoken here (PS3.6 annex A). */
export const sopClasses = {
  verification: '1.2.840.10008.1.1',
  modalityWorklist: '1.2.840.10008.5.1.4.31',
  modalityPerformedProcedureStep: '1.2.840.10008.3.1.2.3.3',
} as const;
