import { afterAll, beforeAll, describe } from '@jest/globals';
import { peerSuite } from '#testing';
import { Department } from '../department.js';
import { everyJourney } from '../journey.js';
import { realHospitalPeers, startRealHospital } from './real-hospital.js';

const journeys = await everyJourney();

// The same journeys that test/journeys tells with the sandbox hospital; the HL7 side of the EMR stays the sandbox's.
peerSuite('with HAPI FHIR as EMR, Orthanc as PACS and pynetdicom at the modalities', realHospitalPeers, () => {
  let hospital: Awaited<ReturnType<typeof startRealHospital>>;
  beforeAll(async () => (hospital = await startRealHospital()), 600_000);
  afterAll(() => hospital?.stop());

  for (const { name, tests } of journeys)
    describe(name, () => tests((names, options) => Department.start(names, { ...options, hospital })));
});
