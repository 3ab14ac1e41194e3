/** SOP classes spoken here (PS3.6 annex A). */
export const sopClasses = {
  verification: '1.2.840.10008.1.1',
  modalityWorklist: '1.2.840.10008.5.1.4.31',
  modalityPerformedProcedureStep: '1.2.840.10008.3.1.2.3.3',
  instanceAvailabilityNotification: '1.2.840.10008.5.1.4.33',
  storageCommitmentPushModel: '1.2.840.10008.1.20.1',
  studyRootFind: '1.2.840.10008.5.1.4.1.2.2.1',
  enhancedSr: '1.2.840.10008.5.1.4.1.1.88.22',
  comprehensiveSr: '1.2.840.10008.5.1.4.1.1.88.33',
  keyObjectSelection: '1.2.840.10008.5.1.4.1.1.88.59',
  xRayRadiationDoseSr: '1.2.840.10008.5.1.4.1.1.88.67',
  radiopharmaceuticalRadiationDoseSr: '1.2.840.10008.5.1.4.1.1.88.68',
  plannedImagingAgentAdministrationSr: '1.2.840.10008.5.1.4.1.1.88.74',
  performedImagingAgentAdministrationSr: '1.2.840.10008.5.1.4.1.1.88.75',
  enhancedXRayRadiationDoseSr: '1.2.840.10008.5.1.4.1.1.88.76',
} as const;

/** The one instance that every request for storage commitment is made to (PS3.4 section J.3.5). */
export const storageCommitmentInstance = '1.2.840.10008.1.20.1.1';
