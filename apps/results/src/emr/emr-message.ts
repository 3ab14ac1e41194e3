import { fail, type Site } from '#platform';
import { studyInstanceUidOf } from '#fhir';
import {
  administrationMessage,
  documentMessage,
  doseMessage,
  orderStatusMessage,
  reactionMessage,
  reportToMessage,
  type MessageEnvelope,
} from '#mapping';
import { examStatusOf, resourcesIn, toldBefore, type EmrFact } from './emr-fact.js';
import type { MessageKind } from './emr-update.decider.js';
import { newsOfOrder } from './order-status.decider.js';
import { viewerUrlOf } from '../study/imaging-study.decider.js';

/** A fact as the HL7 v2 message of that kind; the same fact gives the same bytes. */
export function messageOf(fact: EmrFact, kind: MessageKind, envelope: MessageEnvelope, site: Site): Buffer {
  return (writers[kind] ?? writers.mllp)(fact, envelope, site);
}

const writers: Record<MessageKind, (fact: EmrFact, envelope: MessageEnvelope, site: Site) => Buffer> = {
  mllp: resultMessage,

  orderStatus(fact, envelope) {
    const news = newsOfOrder(fact);
    if (!news) throw fail('unexpected', `${fact.fact} is no news of its order`);
    return orderStatusMessage(news, resourcesIn(fact, 'ServiceRequest')[0]!, patientOf(fact), envelope);
  },

  documents(fact, envelope) {
    const report = resourcesIn(fact, 'DiagnosticReport')[0]!;
    const before = toldBefore(fact, report);
    const { status = 'unknown', versionId } = before ?? {};
    const earlier = { status: status as typeof report.status, meta: versionId ? { versionId } : {} };
    const serviceRequests = resourcesIn(fact, 'ServiceRequest');
    return documentMessage({ patient: patientOf(fact), serviceRequests, report, before: before && earlier }, envelope);
  },

  contrast(fact, envelope) {
    const administration = resourcesIn(fact, 'MedicationAdministration')[0]!;
    const [serviceRequest] = resourcesIn(fact, 'ServiceRequest');
    const isCorrection = toldBefore(fact, administration) !== undefined;
    const facts = { patient: patientOf(fact), administration, isCorrection };
    return administrationMessage({ ...facts, ...(serviceRequest ? { serviceRequest } : {}) }, envelope);
  },

  dose(fact, envelope) {
    const dose = resourcesIn(fact, 'Observation')[0]!;
    const before = toldBefore(fact, dose);
    const serviceRequests = resourcesIn(fact, 'ServiceRequest');
    return doseMessage({ patient: patientOf(fact), serviceRequests, dose, ...(before ? { before } : {}) }, envelope);
  },

  /** What leaves nothing that the patient must not be given again, such as an extravasation, is a result. */
  reactions(fact, envelope, site) {
    const allergies = resourcesIn(fact, 'AllergyIntolerance');
    const [adverseEvent] = resourcesIn(fact, 'AdverseEvent');
    if (allergies.length === 0) return resultMessage(fact, envelope, site);
    const told = new Set((fact.before ?? []).map(({ id }) => id));
    return reactionMessage({ patient: patientOf(fact), allergies, adverseEvent, toldBefore: told }, envelope);
  },
};

function resultMessage(fact: EmrFact, envelope: MessageEnvelope, site: Site): Buffer {
  const [imagingStudy] = resourcesIn(fact, 'ImagingStudy');
  const uid = studyInstanceUidOf(imagingStudy);
  const isOfReaction = fact.fact === 'contrast.reaction-recorded';
  return reportToMessage(
    {
      patient: patientOf(fact),
      serviceRequests: resourcesIn(fact, 'ServiceRequest'),
      report: resourcesIn(fact, 'DiagnosticReport')[0],
      imagingStudy,
      // A reaction names what was given; that it was given is told by itself.
      medicationAdministrations: isOfReaction ? [] : resourcesIn(fact, 'MedicationAdministration'),
      adverseEvents: resourcesIn(fact, 'AdverseEvent'),
      examStatus: examStatusOf(fact),
    },
    { ...envelope, viewerUrl: uid && viewerUrlOf(uid, site) },
  );
}

function patientOf(fact: EmrFact) {
  return resourcesIn(fact, 'Patient')[0]!;
}
