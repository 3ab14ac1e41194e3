"""An injector made of pydicom and pynetdicom: makes Performed Imaging Agent Administration SRs, and stores them.

Usage: store-injector-reports.py PORT, with a list of reports as JSON on standard input: {"shape": "single", "uid", ...}.
The codes come from pydicom's own tables of the standard. With "file" the report is written there instead of being sent.
Prints the status of each C-STORE as one line of JSON.
"""

import io
import json
import sys

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr._snomed_dict import mapping as snomed
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, association as pynetdicom_association
from pynetdicom.sop_class import PerformedImagingAgentAdministrationSRStorage

D, S = codes.DCM, codes.SCT


def coded(code, old=False):
    """Older injectors still send the SNOMED-RT codes that SNOMED CT has replaced; pydicom has a table of both."""
    item = Dataset()
    value, scheme = code.value, code.scheme_designator
    if old and scheme == "SCT":
        value, scheme = snomed["SCT"][value], "SRT"
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, code.meaning
    return item


class Builder:
    def __init__(self, old):
        self.old = old

    def item(self, kind, concept, *children):
        one = Dataset()
        one.RelationshipType, one.ValueType = "CONTAINS", kind
        one.ConceptNameCodeSequence = [coded(concept, self.old)]
        if kind == "CONTAINER":
            one.ContinuityOfContent = "SEPARATE"
        if children:
            one.ContentSequence = list(children)
        return one

    def container(self, concept, *children):
        return self.item("CONTAINER", concept, *children)

    def text(self, concept, value):
        one = self.item("TEXT", concept)
        one.TextValue = value
        return one

    def code(self, concept, value, *children):
        one = self.item("CODE", concept, *children)
        one.ConceptCodeSequence = [coded(value, self.old)]
        return one

    def at(self, concept, value):
        one = self.item("DATETIME", concept)
        one.DateTime = value
        return one

    def num(self, concept, value, unit):
        one = self.item("NUM", concept)
        measured = Dataset()
        measured.NumericValue = value
        measured.MeasurementUnitsCodeSequence = [coded(pydicom.sr.coding.Code(unit, "UCUM", unit))]
        one.MeasuredValueSequence = [measured]
        return one

    def phase(self, agent, volume, rate, began, ended):
        return self.container(
            D.ImagingAgentAdministrationPhase,
            self.code(D.ImagingAgentAdministrationPhaseType, D.AutomaticProgrammedAdministrationPhase),
            self.container(
                D.ImagingAgentAdministrationActivity,
                self.text(D.ReferencedImagingAgentIdentifier, agent),
                self.num(D.StartingFlowRateOfAdministration, rate, "mL/s"),
                self.num(D.PeakPressureInPhaseActivity, 95, "[psi]"),
                self.at(D.DatetimeStarted, began),
                self.at(D.DatetimeEnded, ended),
            ),
            self.num(D.TotalPhaseVolumeAdministered, volume, "mL"),
        )

    def step(self, kind, *phases):
        return self.container(
            D.ImagingAgentAdministrationStep, self.code(D.AdministrationStepType, kind), *phases
        )

    def agents(self):
        contrast = self.container(
            D.ImagingAgentInformation,
            self.text(D.ImagingAgentIdentifier, "A"),
            self.container(
                D.ImagingAgentComponent,
                self.text(D.BrandName, "Ultravist 370"),
                self.text(D.LotIdentifier, "KT0A1"),
            ),
        )
        saline = self.container(
            D.ImagingAgentInformation,
            self.text(D.ImagingAgentIdentifier, "B"),
            self.container(D.ImagingAgentComponent, self.code(D.ContrastBolusAgent, S.Saline)),
        )
        return [contrast, saline]

    def content(self, shape):
        route = self.code(S.RouteOfAdministration, S.IntravenousRoute)
        complete = self.code(D.ImagingAgentAdministrationCompletionStatus, S.Complete)
        main = self.phase("A", 78.5, 3, "20260302100500.12+0100", "20260302100526+0100")
        if shape == "single":
            return [route, self.agents()[0], self.container(D.ImagingAgentAdministrationSteps, self.step(D.DiagnosticAdministration, main)), complete]  # fmt: skip
        if shape == "three-phases":
            test = self.phase("A", 15, 5, "20260302100300", "20260302100303")
            flush = self.phase("B", 40, 3, "20260302100526", "20260302100540")
            steps = [self.step(D.TransitTimeTestInjection, test), self.step(D.DiagnosticAdministration, main, flush)]
            return [route, *self.agents(), self.container(D.ImagingAgentAdministrationSteps, *steps), complete]
        stopped = self.phase("A", 31, 4, "20260302100500", "20260302100508")
        adverse = self.container(
            D.ImagingAgentAdministrationAdverseEvents,
            self.code(
                D.ImagingAgentAdministrationAdverseEvents,
                S.InjectionSiteExtravasation,
                self.num(D.EstimatedExtravasationVolume, 12, "mL"),
                self.at(D.AdverseEventDetectionDatetime, "20260302100508"),
            ),
        )
        ended = self.container(
            D.ImagingAgentAdministrationInjectorEvents,
            self.code(D.AdministrationDiscontinued, S.Yes),
            self.code(
                D.ImagingAgentAdministrationInjectorEventType,
                D.TerminatedDueToRequestFromOperator,
                self.at(D.InjectorEventDetectionDatetime, "20260302100508"),
            ),
        )
        steps = self.container(D.ImagingAgentAdministrationSteps, self.step(D.DiagnosticAdministration, stopped))
        return [route, *self.agents(), steps, adverse, ended]


def report(asked):
    build = Builder(asked.get("old", False))
    one = Dataset()
    one.SpecificCharacterSet = asked.get("characterSet", "ISO_IR 100")
    one.SOPClassUID, one.SOPInstanceUID = PerformedImagingAgentAdministrationSRStorage, asked["uid"]
    one.Modality, one.Manufacturer, one.DeviceSerialNumber = "SR", "Invented Injectors", "4711"
    one.PatientName, one.PatientID = asked["patientName"], asked["patientId"]
    one.ManufacturerModelName, one.SoftwareVersions = "Injector", "1"
    one.PatientBirthDate, one.PatientSex = "", ""
    one.StudyInstanceUID, one.SeriesInstanceUID = asked["studyUid"], asked["uid"] + ".1"
    one.StudyDate = one.StudyTime = one.ReferringPhysicianName = one.StudyID = ""
    one.AccessionNumber = asked["accessionNumber"]
    one.SeriesNumber, one.InstanceNumber = "1", "1"
    one.ContentDate, one.ContentTime = "20260302", "100600"
    one.CompletionFlag, one.VerificationFlag = "COMPLETE", "UNVERIFIED"
    one.PerformedProcedureCodeSequence = []
    one.ReferencedPerformedProcedureStepSequence = []
    one.ValueType, one.ContinuityOfContent = "CONTAINER", "SEPARATE"
    one.ConceptNameCodeSequence = [coded(D.PerformedImagingAgentAdministration)]
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "11020"
    one.ContentTemplateSequence = [template]
    one.ContentSequence = build.content(asked["shape"])
    return one


def attacked(one, attack):
    """The bytes that go out instead of the report."""
    if attack == "wrong-class":
        one.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.67"
    if attack == "no-instance":
        del one.SOPInstanceUID
    if attack == "no-class":
        del one.SOPClassUID
    if attack == "no-root":
        del one.ValueType
    if attack == "nested":
        level = bytes.fromhex("400030a7ffffffff" + "feff00e0ffffffff")
        return level * 20000
    written = io.BytesIO()
    pydicom.dcmwrite(written, one, implicit_vr=True, little_endian=True)
    bytes_of = written.getvalue()
    return bytes_of[: len(bytes_of) // 2 + 1] if attack == "truncated" else bytes_of


for asked in json.load(sys.stdin):
    one = report(asked)
    if "file" in asked:
        one.file_meta = FileMetaDataset()
        one.file_meta.MediaStorageSOPClassUID, one.file_meta.MediaStorageSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        pydicom.dcmwrite(asked["file"], one, enforce_file_format=True)
        print(json.dumps({"Status": 0}))
        continue
    entity = AE(ae_title=asked.get("as", "INJECTOR1"))
    implicit = asked.get("implicit", False) or "attack" in asked
    entity.add_requested_context(one.SOPClassUID, ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian)
    association = entity.associate("127.0.0.1", int(sys.argv[1]), ae_title="COLLIMATOR")
    if not association.is_established:
        print(json.dumps({"rejected": True}))
        continue
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    usual = pynetdicom_association.encode
    if "attack" in asked:
        changed = attacked(report(asked), asked["attack"])
        pynetdicom_association.encode = lambda *_, **__: changed
    status = association.send_c_store(one)
    pynetdicom_association.encode = usual
    association.release()
    print(json.dumps({"Status": status.get("Status"), "ErrorComment": status.get("ErrorComment")}))
